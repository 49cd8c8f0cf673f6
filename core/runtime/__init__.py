"""What this computer can do: device, disk, versions."""
