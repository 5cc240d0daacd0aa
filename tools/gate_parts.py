"""What a package gives to the pictures of ``gate_material.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

import gate_pictures as make

# A maker turns one file into named pictures; most files are one picture.
Maker = Callable[[Path], Iterator[tuple[str, Image.Image]]]


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one package that show one kind of picture.

    Attributes:
        kind: Folder in the collection.
        files: Glob patterns under the unpacked package.
        at_most: Pictures kept, chosen by hash of their name, so that the choice is stable.
        maker: What turns a file into pictures.
        without: Regular expression on the path under the package; matches are left out.
    """

    kind: str
    files: tuple[str, ...]
    at_most: int
    maker: Maker = make.picture
    without: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One package.

    Attributes:
        package: Name in its registry.
        version: Exact for Python packages; empty for Debian, whose release decides (the manifest
            says which version came).
        licence: What the package's own files state.
        parts: What is taken from it.
        download: Options of ``pip download``; empty for a Debian package.
    """

    package: str
    version: str
    licence: str
    parts: tuple[Part, ...]
    download: tuple[str, ...] = ()

    @property
    def registry(self) -> str:
        return "pypi" if self.download else "debian"


PICTURES = ("**/*.png", "**/*.jpg", "**/*.jpeg", "**/*.webp")
