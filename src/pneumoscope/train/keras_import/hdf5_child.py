"""Reads an HDF5 file to its end in its own process: damaged files make the library loop or crash.

``python -m pneumoscope.train.keras_import.hdf5_child FILE`` ends with 0 if everything in the file that an
import reads can be read, and writes the reason to stderr otherwise. `check` runs it with a limit.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

TIME_S = 60.0
"""Time for a file, and for each `_BYTES_PER_S` of it one second more."""
_BYTES_PER_S = 20_000_000


def check(file: Path, time_s: float = TIME_S) -> None:
    """Reads a file in a child process.

    Args:
        file: The HDF5 file.
        time_s: Time limit for a small file.

    Raises:
        ValueError: It cannot be read, or reading it does not end.
    """
    command = [sys.executable, "-m", __name__, str(file)]
    limit = time_s + file.stat().st_size / _BYTES_PER_S
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        raise ValueError(f"damaged: HDF5 does not read it within {limit:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["HDF5 crashes on it"]
        raise ValueError(f"damaged: {lines[-1][:200]}")


def read_all(file: str) -> None:
    """Reads every attribute and every dataset of a file.

    Raises:
        Exception: What h5py raises for damaged files.
    """
    import h5py
    import numpy as np

    def visit(name: str, item: Any) -> None:
        for key in item.attrs:
            item.attrs[key]
        if isinstance(item, h5py.Dataset):
            # A damaged header can promise more than any memory has.
            if item.nbytes > size:
                raise ValueError(f"{name} is larger than the file")
            np.asarray(item)

    size = Path(file).stat().st_size
    with h5py.File(file, "r") as content:
        visit("the file", content)
        content.visititems(visit)


if __name__ == "__main__":
    try:
        read_all(sys.argv[1])
    # h5py raises many classes for damaged files.
    except Exception as error:
        raise SystemExit(f"{type(error).__name__}: {error}".replace("\n", " ")) from error
