"""Files as PyTorch writes them, made without PyTorch."""

from __future__ import annotations

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {"float32": "FloatStorage", "int64": "LongStorage"}
View = tuple[int, tuple[int, ...], tuple[int, ...]]


def _rebuild_tensor_v2(*_: Any) -> None: ...


@contextmanager
def _torch() -> Iterator[types.ModuleType]:
    """Modules with the names that a pickle of PyTorch refers to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    _rebuild_tensor_v2.__module__ = "torch._utils"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        yield torch


class _Stored:
    """Refers to the values of a tensor."""

    def __init__(self, key: str, values: np.ndarray) -> None:
        self.key, self.values = key, values


class _Tensor:
    def __init__(self, stored: _Stored, view: View) -> None:
        self.stored, self.view = stored, view

    def __reduce__(self) -> Any:
        return _rebuild_tensor_v2, (self.stored, *self.view, False, OrderedDict())


def _pickled(content: Any, view: View | None) -> tuple[bytes, dict[str, np.ndarray]]:
    """The pickle of a table with arrays, and the values of each."""
    values: dict[str, np.ndarray] = {}

    def tensors(part: Any) -> Any:
        if isinstance(part, dict):
            return OrderedDict((key, tensors(inner)) for key, inner in part.items())
        if not isinstance(part, np.ndarray):
            return part
        key = str(len(values))
        values[key] = part.ravel()
        steps = tuple(s // part.itemsize for s in part.strides)
        return _Tensor(_Stored(key, values[key]), view or (0, part.shape, steps))

    with _torch() as torch:

        class Pickler(pickle.Pickler):
            def persistent_id(self, part: Any) -> Any:
                if not isinstance(part, _Stored):
                    return None
                kind = getattr(torch, STORAGES[str(part.values.dtype)])
                return ("storage", kind, part.key, "cpu", part.values.size)

        stream = io.BytesIO()
        Pickler(stream, 2).dump(tensors(content))
    return stream.getvalue(), values


def write_pickles(file: Path, content: Any, view: View | None = None) -> None:
    """The format of several pickles, as before PyTorch 1.6."""
    table, values = _pickled(content, view)
    machine = {"protocol_version": VERSION, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [pickle.dumps(part, 2) for part in (MAGIC, VERSION, machine)]
    stored = [np.int64(v.size).tobytes() + v.tobytes() for v in values.values()]
    keys = pickle.dumps(list(values), 2)
    file.write_bytes(b"".join([*parts, table, keys, *stored]))


def write_zip(file: Path, content: Any, view: View | None = None) -> None:
    """The ZIP archive, as since PyTorch 1.6."""
    table, values = _pickled(content, view)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), table)
        for key, stored in values.items():
            archive.writestr(zipfile.ZipInfo(f"archive/data/{key}"), stored.tobytes())
        archive.writestr(zipfile.ZipInfo("archive/version"), "3\n")
