"""The networks and their bundles (torch)."""
