"""The device is chosen with a reason, never silently."""

from __future__ import annotations

import ctypes

import pytest

from core.errors import PolypTraceError
from core.inference import device
from core.inference.device import CudaProbe, DeviceChoice, after_failure, choose_device, probe_cuda

NONE = CudaProbe((), "no NVIDIA driver on this computer")
TWO = CudaProbe(("Card A", "Card B"), "")


def refusal(wish: str) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as refused:
        choose_device(wish)
    assert refused.value.hint
    return refused.value


def test_the_cpu_needs_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "probe_cuda", None)
    assert choose_device("cpu") == DeviceChoice("cpu", "asked for")


def test_auto_says_why_it_took_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "probe_cuda", lambda: NONE)
    assert choose_device("auto") == DeviceChoice("cpu", NONE.reason)


def test_auto_takes_cuda_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "probe_cuda", lambda: TWO)
    assert choose_device("auto") == DeviceChoice("cuda", "found Card A")
    assert choose_device("cuda:1") == DeviceChoice("cuda:1", "asked for, found Card B")
    assert str(choose_device("cuda")) == "cuda: asked for, found Card A"


def test_cuda_that_is_asked_for_and_missing_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "probe_cuda", lambda: NONE)
    error = refusal("cuda")
    assert error.code == "device-unavailable"
    assert NONE.reason in error.message
    assert "--device cpu" in error.hint
    monkeypatch.setattr(device, "probe_cuda", lambda: TWO)
    assert refusal("cuda:2").code == "device-unavailable"


@pytest.mark.parametrize("wish", ["gpu", "", "cuda:", "cuda:x", "CUDA", "mps"])
def test_an_unknown_word_is_refused(wish: str) -> None:
    assert refusal(wish).code == "device-unknown"


class Driver:
    """Answers as libcuda does."""

    def __init__(self, status: int, names: list[bytes]) -> None:
        self.status, self.names = status, names

    def cuInit(self, _: int) -> int:  # noqa: N802 - the driver's own name
        return self.status

    def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
        count._obj.value = len(self.names)  # type: ignore[attr-defined]
        return 0

    def cuDeviceGetName(self, name: ctypes.Array[ctypes.c_char], _: int, number: int) -> int:  # noqa: N802
        name.value = self.names[number]
        return 0


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (Driver(0, [b"Card A", b"Card B"]), TWO),
        (Driver(0, []), CudaProbe((), "no CUDA device found by the driver")),
        (Driver(100, []), CudaProbe((), "no CUDA device found by the driver")),
        (Driver(803, []), CudaProbe((), "the NVIDIA driver doesn't start (error 803)")),
    ],
)
def test_the_driver_is_asked(monkeypatch: pytest.MonkeyPatch, driver: Driver, expected: CudaProbe) -> None:
    monkeypatch.setattr(device.ctypes, "CDLL", lambda _: driver)
    assert probe_cuda() == expected


def test_no_driver_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise OSError

    monkeypatch.setattr(device.ctypes, "CDLL", missing)
    assert probe_cuda() == NONE


def test_a_device_that_was_asked_for_is_never_replaced() -> None:
    choice = DeviceChoice("cuda", "found Card A")
    stand_in = after_failure("auto", choice, RuntimeError("driver too old\nmore lines"))
    assert stand_in == DeviceChoice("cpu", "torch can't use the CUDA device (driver too old)")
    with pytest.raises(PolypTraceError) as refused:
        after_failure("cuda", choice, RuntimeError("driver too old"))
    assert refused.value.code == "device-unavailable"
