"""Which device computes, and why: said in words, decided without torch."""

from __future__ import annotations

import ctypes
import re
import sys

import msgspec

from core.errors import PolypTraceError


class DeviceChoice(msgspec.Struct, frozen=True):
    """``name`` is ``cpu``, ``cuda`` or ``cuda:N``; ``reason`` says why, for the status bar and the JSON."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class CudaProbe(msgspec.Struct, frozen=True):
    """What the NVIDIA driver answers: names of its devices, or why there are none."""

    devices: tuple[str, ...]
    reason: str


TORCH_FAILURES = (RuntimeError, AssertionError, ImportError)
"""What torch raises for a CUDA device that it can't use; a torch without CUDA asserts."""
_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_NO_DEVICE = 100


def probe_cuda() -> CudaProbe:
    """Asks the NVIDIA driver itself: milliseconds, not torch's seconds; ``CUDA_VISIBLE_DEVICES`` applies."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return CudaProbe((), "no NVIDIA driver on this computer")
    status = int(driver.cuInit(0))
    if status == _NO_DEVICE:
        return CudaProbe((), "no CUDA device found by the driver")
    if status != 0:
        return CudaProbe((), f"the NVIDIA driver doesn't start (error {status})")
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    names = []
    for number in range(count.value):
        name = ctypes.create_string_buffer(100)
        driver.cuDeviceGetName(name, len(name), number)
        names.append(name.value.decode("utf-8", "replace"))
    return CudaProbe(tuple(names), "" if names else "no CUDA device found by the driver")


def choose_device(wish: str = "auto") -> DeviceChoice:
    """The device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        PolypTraceError: ``device-unavailable`` when CUDA was asked for and isn't there: nothing falls back
            silently; ``device-unknown`` for any other word.
    """
    if wish == "cpu":
        return DeviceChoice("cpu", "asked for")
    if wish != "auto" and not re.fullmatch(r"cuda(:\d+)?", wish):
        raise PolypTraceError(
            "device-unknown", f"There is no device “{wish}”.", "Use auto, cpu, cuda or cuda:N."
        )
    probe = probe_cuda()
    if wish == "auto":
        if not probe.devices:
            return DeviceChoice("cpu", probe.reason)
        return DeviceChoice("cuda", f"found {probe.devices[0]}")
    number = int(wish.partition(":")[2] or 0)
    if number < len(probe.devices):
        return DeviceChoice(wish, f"asked for, found {probe.devices[number]}")
    why = f"it has {len(probe.devices)}" if probe.devices else probe.reason
    raise PolypTraceError(
        "device-unavailable",
        f"The device “{wish}” can't be used: {why}.",
        "Use --device cpu, or repair the driver.",
    )


def after_failure(wish: str, choice: DeviceChoice, error: Exception) -> DeviceChoice:
    """What follows when torch can't use ``choice``: with ``auto`` the CPU, saying why.

    A device that was asked for is never replaced.

    Raises:
        PolypTraceError: ``device-unavailable``.
    """
    first = (str(error).splitlines() or [type(error).__name__])[0][:200]
    if wish == "auto":
        return DeviceChoice("cpu", f"torch can't use the CUDA device ({first})")
    raise PolypTraceError(
        "device-unavailable",
        f"The device “{choice.name}” can't be used by torch: {first}",
        "Use --device cpu, or install a torch that fits the driver.",
    ) from error
