"""What is installed on this machine: sizes and versions of packages, and the processor."""

from __future__ import annotations

import platform
import sys
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

import pneumoscope
from pneumoscope.train.inference_bench.measured import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PACKAGES = {
    "imports": ("onnxruntime",),
    "onnxruntime": ("onnxruntime",),
    "pneumoscope": ("pneumoscope",),
    "server": ("pneumoscope[serve]",),
    "decoding": ("simplejpeg",),
    "openvino": ("openvino",),
    "torch": ("torch", "Pillow", "numpy"),
    "torch-compiled": ("torch", "Pillow", "numpy"),
    "notebook": ("keras", "tensorflow-cpu", "matplotlib", "Pillow"),
}
"""Name of a way to the packages that it imports, with extras."""


def packages_of(name: str) -> tuple[str, ...]:
    """The packages that a way imports.

    Args:
        name: Name of a way, or of a package.
    """
    if name == "litert":
        lean = util.find_spec("ai_edge_litert") is not None
        return ("ai-edge-litert" if lean else "tensorflow-cpu", "Pillow")
    return _PACKAGES.get(name, (name,))


def installed_mb(name: str) -> float | None:
    """Size of the packages that a way needs, with those that they need, in 10^6 bytes; None if unknown."""
    try:
        return sum(sizes_mb(name).values())
    except metadata.PackageNotFoundError:
        return None


def sizes_mb(name: str) -> dict[str, float]:
    """The packages that a way needs, with those that they need, and the size of each in 10^6 bytes.

    Raises:
        PackageNotFoundError: One is not installed.
    """
    return {package: _size_mb(package) for package in _with_needs(packages_of(name))}


def _with_needs(packages: Sequence[str]) -> Iterator[str]:
    from packaging.requirements import Requirement

    waiting, seen = [Requirement(package) for package in packages], set[tuple[str, str]]()
    while waiting:
        wanted = waiting.pop()
        name = wanted.name.lower().replace("_", "-")
        for extra in {"", *wanted.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            yield name
            for line in metadata.distribution(name).requires or ():
                requirement = Requirement(line)
                if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                    waiting.append(requirement)


def _size_mb(package: str) -> float:
    files = metadata.distribution(package).files or ()
    paths = {Path(str(file.locate())).resolve() for file in files}
    if package == OURS:  # an editable installation lists none of its modules and bundles
        paths |= {path.resolve() for path in Path(pneumoscope.__file__).parent.rglob("*")}
    return sum(p.stat().st_size for p in paths if p.suffix != ".pyc" and p.is_file()) / 1e6


def processor() -> str:
    """What the system calls the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def versions(names: Sequence[str]) -> dict[str, str]:
    """Versions of Python and of the packages that ways import.

    Args:
        names: Names of ways.
    """
    packages = ["pneumoscope", "numpy", "onnxruntime", "Pillow", "simplejpeg", "pydicom"]
    packages += [p.partition("[")[0] for name in names for p in packages_of(name)]
    versions = {p: metadata.version(p) for p in dict.fromkeys(packages)}
    return {"python": sys.version.split()[0]} | versions
