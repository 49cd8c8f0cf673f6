"""MATLAB files up to version 7."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy.typing as npt

# What scipy's reader comes up with on damaged files, found by damaging many; 7.3 is not implemented there.
_DAMAGED = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NameError, ArithmeticError,
    MemoryError, NotImplementedError, struct.error, zlib.error,
)  # fmt: skip


def load_mat(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The variables of a file by name, without scipy's own entries.

    Raises:
        ValueError: not such a file, damaged, or of version 7.3 (which is HDF5).
    """
    # scipy.io costs a quarter of a second, and few commands read MATLAB files.
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path)
    except (MatReadError, *_DAMAGED) as error:
        raise ValueError(f"no MATLAB file up to version 7: {type(error).__name__}") from error
    return {name: value for name, value in content.items() if not name.startswith("__")}
