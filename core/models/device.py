"""The device for torch itself: chosen in words, then really tried."""

from __future__ import annotations

import torch

from core.inference.device import TORCH_FAILURES, DeviceChoice, after_failure, choose_device


def usable_device(wish: str = "auto") -> DeviceChoice:
    """:func:`core.inference.device.choose_device`, and one number put there by torch.

    The driver may show a device that this torch can't use: a build without CUDA, or a driver too old for it.
    With ``auto`` the CPU stands in and the reason says so.

    Raises:
        PolypTraceError: ``device-unavailable`` or ``device-unknown``.
    """
    choice = choose_device(wish)
    if choice.name == "cpu":
        return choice
    try:
        torch.zeros(1, device=choice.name)
    except TORCH_FAILURES as error:
        return after_failure(wish, choice, error)
    return choice
