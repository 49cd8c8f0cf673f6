"""The device for torch itself: chosen in words, then really tried; and whether it gains by bfloat16."""

from __future__ import annotations

import torch

from core.inference.device import TORCH_FAILURES, DeviceChoice, after_failure, choose_device

_BFLOAT16 = ("amx_bf16", "avx512_bf16")
"""x86 extensions, as :func:`torch.cpu.get_capabilities` names them."""


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


def gains_by_bfloat16(device: torch.device) -> bool:
    """Whether mixed precision makes a device faster: CUDA, and processors that multiply bfloat16 themselves.

    On other processors bfloat16 is put together from single precision, which takes longer than that alone.
    """
    if device.type == "cuda":
        return True
    able = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(able.get(name, False) for name in _BFLOAT16)
