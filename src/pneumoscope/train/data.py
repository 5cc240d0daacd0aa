"""Training films: find, label, split by patient, cache."""

from __future__ import annotations

import hashlib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.errors import DataError, ImageError
from pneumoscope.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

LABELS = ("normal", "bacterial", "viral")
FIDELITY = 3
"""Large JPEGs are decoded at this multiple of the cached side or more: on 29 full-size films that
keeps sharpness, which tells the classes apart, within 1 % of full decoding (2: 3.4 %, 1: 10 %)."""

_FOLDERS = ("NORMAL", "PNEUMONIA")
_SUBTYPE = {"bacteria": "bacterial", "virus": "viral"}
# The same personN with another sub-type is another child, and so is the same IM-N with the
# NORMAL2 prefix (README of the Kermany set's patient keys).
_PNEUMONIA_KEY = re.compile(r"(person\d+)_(bacteria|virus)")
_NORMAL_KEY = re.compile(r"((?:NORMAL2-)?IM-\d+)")


@dataclass(frozen=True, slots=True)
class Film:
    """One labelled training film.

    Attributes:
        path: Relative to the data folder.
        label: Index into `LABELS`.
        patient: Key of the patient; no key stands in two splits.
        sha256: Of the film's pixels at the cached size.
        split: ``"train"`` or ``"validation"``.
    """

    path: str
    label: int
    patient: str
    sha256: str
    split: str


@dataclass(frozen=True, slots=True, eq=False)
class FilmSet:
    """The films of a data folder, ready for training.

    Attributes:
        films: One record per film, in the order of ``pixels``.
        pixels: uint8 (n, side, side), memory-mapped from the cache.
    """

    films: tuple[Film, ...]
    pixels: NDArray[np.uint8]

    def rows(self, split: str) -> NDArray[np.intp]:
        """Positions of the films of a split."""
        return np.flatnonzero([film.split == split for film in self.films])

    @property
    def labels(self) -> NDArray[np.intp]:
        """Class of every film, (n,)."""
        return np.array([film.label for film in self.films], dtype=np.intp)

    @property
    def manifest_sha256(self) -> str:
        """Hash of which film, with which pixels, stands in which split."""
        text = json.dumps([asdict(film) for film in self.films], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def find(root: Path) -> list[tuple[Path, int, str]]:
    """Lists the films of the Kaggle/Kermany layout: (path, label, patient key), sorted.

    Args:
        root: Folder that holds ``train/NORMAL`` and ``train/PNEUMONIA``, or that holds
            ``chest_xray`` with them.

    Raises:
        DataError: The layout is another one, a class is empty, or a name tells no sub-type.
    """
    if not root.is_dir():
        raise DataError(
            f"{root}: no such folder",
            "Give the folder of the Kaggle set chest-xray-pneumonia with --data or PNEUMOSCOPE_DATA.",
        )
    base = next((p for p in (root, root / "chest_xray") if (p / "train").is_dir()), None)
    if base is None:
        raise DataError(
            f"{root}: holds neither train/ nor chest_xray/train/",
            "Unpack the Kaggle set chest-xray-pneumonia and name its folder.",
        )
    found = []
    for folder in _FOLDERS:
        paths = sorted(
            p for p in (base / "train" / folder).glob("*") if p.is_file() and p.name[0] != "."
        )
        if not paths:
            raise DataError(
                f"{base / 'train' / folder}: holds no films", "Both classes are needed."
            )
        found += [(path, *_label(path.name, folder)) for path in paths]
    return found


def _label(name: str, folder: str) -> tuple[int, str]:
    if folder == "NORMAL":
        key = _NORMAL_KEY.match(name)
        return 0, f"normal/{key[1]}" if key else f"normal/file/{name}"
    key = _PNEUMONIA_KEY.match(name)
    if not key:
        raise DataError(
            f"{name}: the name tells neither bacteria nor virus",
            "The three-way head needs names such as person12_virus_3.jpeg.",
        )
    return LABELS.index(_SUBTYPE[key[2]]), f"{key[2]}/{key[1]}"


def split_patients(
    labels: Sequence[int], patients: Sequence[str], hashes: Sequence[str], share: float, seed: int
) -> list[str]:
    """Draws the validation patients, class by class.

    Patients who share an exact duplicate film count as one, so that no film stands on both sides.

    Args:
        labels: Class of each film.
        patients: Patient key of each film.
        hashes: Hash of each film's pixels.
        share: Share of the patients of each class for validation, in (0, 1).
        seed: Of the draw.

    Returns:
        ``"train"`` or ``"validation"`` for each film.
    """
    group = {patient: patient for patient in patients}

    def root(patient: str) -> str:
        while group[patient] != patient:
            group[patient] = group[group[patient]]
            patient = group[patient]
        return patient

    first_with: dict[str, str] = {}
    for patient, digest in zip(patients, hashes, strict=True):
        twin = first_with.setdefault(digest, patient)
        group[root(patient)] = root(twin)
    rng = np.random.default_rng(seed)
    held: set[str] = set()
    for label in sorted(set(labels)):
        own = sorted({root(p) for p, y in zip(patients, labels, strict=True) if y == label} - held)
        count = max(1, round(share * len(own))) if len(own) > 1 else 0
        held |= {own[i] for i in rng.permutation(len(own))[:count]}
    return ["validation" if root(patient) in held else "train" for patient in patients]


def load(
    root: Path,
    side: int,
    share: float,
    seed: int,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> FilmSet:
    """Finds, decodes and splits the films; decoded films are cached on disk and memory-mapped.

    Args:
        root: The data folder, see `find`.
        side: Side in pixels of the cached films.
        share: Share of patients for validation.
        seed: Of the split.
        cache: Folder for decoded films; None for the user's cache folder.
        progress: Called with (films done, films in all) while films are decoded.

    Raises:
        DataError: See `find`; also if a film cannot be read.
    """
    found = find(root)
    pixels, hashes = _cached([path for path, _, _ in found], side, cache or _cache_home(), progress)
    splits = split_patients(
        [label for _, label, _ in found], [key for _, _, key in found], hashes, share, seed
    )
    films = tuple(
        Film(path.relative_to(root).as_posix(), label, key, digest, split)
        for (path, label, key), digest, split in zip(found, hashes, splits, strict=True)
    )
    return FilmSet(films, pixels)


def _cache_home() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "pneumoscope" / "films"


def _cached(
    paths: list[Path], side: int, cache: Path, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.uint8], list[str]]:
    stats = [path.stat() for path in paths]
    listing = [
        [str(p.resolve()), s.st_size, s.st_mtime_ns] for p, s in zip(paths, stats, strict=True)
    ]
    key = hashlib.sha256(json.dumps([images.VERSION, side, listing]).encode()).hexdigest()[:20]
    films, hashes = cache / f"{key}.npy", cache / f"{key}.json"
    if not (films.is_file() and hashes.is_file()):
        _decode(paths, side, films, hashes, progress)
    return np.load(films, mmap_mode="r"), json.loads(hashes.read_text())


def _decode(
    paths: list[Path], side: int, films: Path, hashes: Path, progress: Callable[[int, int], None]
) -> None:
    films.parent.mkdir(parents=True, exist_ok=True)
    part = films.with_name(f"{films.name}.{os.getpid()}.part")
    digests = []
    try:
        store = np.lib.format.open_memmap(part, "w+", np.uint8, (len(paths), side, side))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for i, film in enumerate(pool.map(lambda path: _film(path, side), paths)):
                store[i] = film
                digests.append(hashlib.sha256(film.tobytes()).hexdigest())
                progress(i + 1, len(paths))
        store.flush()
        write_text(hashes, json.dumps(digests))
        part.replace(films)
    finally:
        part.unlink(missing_ok=True)


def _film(path: Path, side: int) -> NDArray[np.uint8]:
    try:
        return images.model_input(images.read(path, at_least_px=FIDELITY * side), side, side)
    except ImageError as error:
        raise DataError(str(error), f"{error.hint} Or remove the film.") from error
