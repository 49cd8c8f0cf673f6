"""Arrays made elsewhere, by name, from one file: ``.npz``, MATLAB or HDF5."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from core.data.mat_file import load_mat
from core.errors import PolypTraceError

Arrays = dict[str, npt.NDArray[Any]]
HDF5_ENDINGS = (".h5", ".hdf5", ".h5py")

# What numpy's reader comes up with on damaged files, found by damaging many; load_mat says ValueError.
_DAMAGED = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NameError, ArithmeticError,
    MemoryError, NotImplementedError, BadZipFile, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAT_73_HEADER = 512
"""A MATLAB file of version 7.3 is HDF5 behind so many bytes of its own."""


def load_arrays(path: Path) -> Arrays:
    """The file's arrays by name; of HDF5 those at its root.

    Raises:
        PolypTraceError: ``features-missing`` or ``features-unreadable``.
    """
    if not path.is_file():
        raise PolypTraceError("features-missing", f"There is no feature file {path.name}.", "Check the path.")
    try:
        return _load(path)
    except _DAMAGED as error:
        raise PolypTraceError(
            "features-unreadable",
            f"The file {path.name} can't be read as vectors.",
            "Save it as .npz without Python objects, as .mat, or as HDF5.",
            cause=type(error).__name__,
        ) from error


def _load(path: Path) -> Arrays:
    with path.open("rb") as file:
        head = file.read(_MAT_73_HEADER + len(_HDF5_MAGIC))
    if head.startswith(_HDF5_MAGIC):
        return _load_hdf5(path, transposed=False)
    if head[_MAT_73_HEADER:] == _HDF5_MAGIC:
        return _load_hdf5(path, transposed=True)
    return load_mat(path) if path.suffix.lower() == ".mat" else _load_npz(path)


def _load_npz(path: Path) -> Arrays:
    stored = np.load(path, allow_pickle=False)
    if not isinstance(stored, np.lib.npyio.NpzFile):
        return {"array": stored}  # .npy: one array without a name
    with stored:
        return {key: stored[key] for key in stored.files}


def _load_hdf5(path: Path, *, transposed: bool) -> Arrays:
    """MATLAB writes an array's columns first, so that it lies in the file the other way round."""
    import h5py  # few files are HDF5

    with h5py.File(path, "r") as file:
        arrays = {name: np.asarray(held) for name, held in file.items() if isinstance(held, h5py.Dataset)}
    return {name: array.T if transposed else array for name, array in arrays.items()}
