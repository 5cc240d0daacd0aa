"""Reads the tensors of a PyTorch file without PyTorch, and without running anything that is in it.

Such a file is a pickle, which may name any function of any package. Here it may name only what a table
of tensors consists of; anything else is an error. Both of PyTorch's formats are read: the one of several
pickles, followed by the values (before version 1.6), and the ZIP archive.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import warnings
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C
"""The first pickle of a file of several, as PyTorch writes it."""
_MAGIC_BYTES = pickle.dumps(_MAGIC, 2)
_ZIP = b"PK\x03\x04"
_INSTRUCTIONS = {
    "PROTO", "FRAME", "STOP", "MARK", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID",
    "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "SETITEM",
    "SETITEMS", "APPEND", "APPENDS", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET",
    "BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "NONE",
    "NEWTRUE", "NEWFALSE",
}  # fmt: skip
"""Those of a pickle that PyTorch's tables of tensors are made of."""
_MOST_REMEMBERED = 1 << 20
"""Objects that a pickle refers to again; memory is reserved for the highest number that it names."""
_LARGEST = 1 << 28
"""Values of one tensor, at most; those of the networks here have a few million."""
_STORAGES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8",
    "IntStorage": "<i4", "ShortStorage": "<i2", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Tensor:
    """Where the values of a tensor are."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: str
    size: int


def is_torch_file(path: Path) -> bool:
    """Whether a file is one of PyTorch's."""
    with path.open("rb") as stream:
        start = stream.read(len(_MAGIC_BYTES))
    if start == _MAGIC_BYTES:
        return True
    if not start.startswith(_ZIP) or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return _pickle_of(archive) is not None


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a saved ``state_dict``.

    Args:
        path: A file of PyTorch.

    Returns:
        Name to values.

    Raises:
        ValueError: The file is damaged, or contains anything else than tensors by name.
    """
    # From memory, a length that is damaged reads no more than there is.
    stream = io.BytesIO(path.read_bytes())
    try:
        zipped = stream.getbuffer()[: len(_ZIP)] == _ZIP
        table, values = _archive(stream) if zipped else _pickles(stream)
        return {str(name): _array(tensor, values) for name, tensor in table.items()}
    except (
        pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError,
        TypeError, AttributeError, OverflowError, MemoryError, RuntimeError,
    ) as error:  # fmt: skip
        raise ValueError(f"no table of tensors: {error}") from error


def _load(stream: IO[bytes]) -> Any:
    """One pickle, whose instructions are checked before they are followed."""
    start = stream.tell()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about texts with odd escapes in damaged files
        for instruction, argument, _ in pickletools.genops(stream):
            name = instruction.name
            if name not in _INSTRUCTIONS or ("PUT" in name and (argument or 0) > _MOST_REMEMBERED):
                raise ValueError(f"its instruction {name} is no part of a table of tensors")
    stream.seek(start)
    return _Reader(stream).load()


class _Reader(pickle.Unpickler):
    """Reads pickles that contain tensors, and names of storages, only."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _parameter
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise ValueError(f"it names {module}.{name}, which is no part of a tensor")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, size = pid[:5]
        if kind != "storage" or not isinstance(dtype, str) or not 0 <= size <= _LARGEST:
            raise ValueError(f"it refers to {kind!r}, which is no storage of a tensor")
        return _Storage(str(key), dtype, size)


def _rebuilt(
    storage: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor has no storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _table(content: Any) -> dict[str, _Tensor]:
    # A checkpoint of a training has the weights in one of its entries.
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(v, _Tensor) for v in content.values()):
        raise ValueError("no table of tensors")
    return content


def _pickles(
    stream: IO[bytes],
) -> tuple[dict[str, _Tensor], Callable[[_Storage], NDArray[Any]]]:
    """The format of several pickles: magic number, version, machine, table, keys; then the values."""
    if _load(stream) != _MAGIC:
        raise ValueError("not a file of PyTorch")
    _version, machine = _load(stream), _load(stream)
    if not machine["little_endian"]:
        raise ValueError("values in big-endian order")
    table = _table(_load(stream))
    known = {tensor.storage.key: tensor.storage for tensor in table.values()}
    stored = {}
    for key in _load(stream):
        dtype = np.dtype(known[key].dtype)
        (size,) = np.frombuffer(stream.read(8), "<i8")
        if size != known[key].size:
            raise ValueError("a tensor has another size than its storage")
        stored[key] = np.frombuffer(stream.read(int(size) * dtype.itemsize), dtype)
    return table, lambda storage: stored[storage.key]


def _archive(
    stream: IO[bytes],
) -> tuple[dict[str, _Tensor], Callable[[_Storage], NDArray[Any]]]:
    """The ZIP archive: ``NAME/data.pkl`` is the table, ``NAME/data/KEY`` the values of a storage."""
    archive = zipfile.ZipFile(stream)
    name = _pickle_of(archive)
    if name is None:
        raise ValueError("not a file of PyTorch")
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        raise ValueError("its values are compressed")
    table = _table(_load(io.BytesIO(archive.read(name))))
    folder = name.removesuffix("data.pkl")
    stored = {}
    for storage in {tensor.storage for tensor in table.values()}:
        stored[storage] = np.frombuffer(archive.read(f"{folder}data/{storage.key}"), storage.dtype)
        if len(stored[storage]) != storage.size:
            raise ValueError("a tensor has another size than its storage")
    return table, stored.__getitem__


def _pickle_of(archive: zipfile.ZipFile) -> str | None:
    return next((n for n in archive.namelist() if n.endswith("/data.pkl")), None)


def _array(tensor: _Tensor, values: Callable[[_Storage], NDArray[Any]]) -> NDArray[Any]:
    flat = values(tensor.storage)[tensor.offset :]
    last = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    if (
        min(numbers, default=0) < 0
        or math.prod(tensor.shape) > len(flat)
        or last >= max(len(flat), 1)
    ):
        raise ValueError("a tensor goes beyond its storage")
    steps = [stride * flat.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, steps).copy()
