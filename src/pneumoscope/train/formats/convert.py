"""Converts a bundle to another format, checked against ONNX Runtime before it is put in place."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope import images
from pneumoscope.decision.probability import p_positive
from pneumoscope.errors import ConversionError, DataError, ImageError, UsageError
from pneumoscope.files import room_for, swap_folder
from pneumoscope.metrics import roc_auc
from pneumoscope.train.formats.targets import FORMATS, MIN_CALIBRATION, Format
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.train.formats.targets import Predict

    Note = Callable[[str], None]

PARITY_FILMS, CALIBRATION_FILMS = 500, 200
"""Most films that are compared, and that int8 is calibrated with."""
ROUNDS = 30
"""Runs whose median is the time of a film."""
MAX_DP, MAX_MEAN_DP_INT8, MAX_AUC_DIFFERENCE = 0.01, 0.03, 0.003
"""Differences from ONNX Runtime beyond which an export is refused."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How an export differs from ONNX Runtime on the same films.

    Attributes:
        films: Their number.
        drawn: Whether the films were drawn and not taken from a folder.
        max_dp: Largest |dp| of any class.
        mean_dp: Mean |dp| over films and classes.
        verdicts_changed: Films with another label at the default operating point.
        auc: AUC of 1 - P(negative) in this format; None without films of both classes.
        auc_onnx: The same in ONNX Runtime.
    """

    films: int
    drawn: bool
    max_dp: float
    mean_dp: float
    verdicts_changed: int
    auc: float | None
    auc_onnx: float | None


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export.

    Attributes:
        format: One of `FORMATS`.
        path: The file or folder.
        megabytes: Its size, in 10^6 bytes.
        latency_ms: Median time of one film in one thread.
        onnx_latency_ms: The same for ONNX Runtime, measured alternately.
        parity: Differences from ONNX Runtime.
    """

    format: str
    path: Path
    megabytes: float
    latency_ms: float
    onnx_latency_ms: float
    parity: Parity


def export(bundle: Bundle, name: str, out: Path | None, films: Path | None, note: Note) -> Exported:
    """Writes a bundle in another format, provided that it still computes the same function.

    Args:
        bundle: The model folder.
        name: One of `FORMATS`.
        out: File, or folder for ``savedmodel`` and ``openvino``; None for the bundle's name in
            the working directory. An older export of the same format is replaced.
        films: Folder of films for parity and, with ``litert-int8``, for calibration; None for
            drawn films. AUC is compared if their paths have the folders NORMAL and PNEUMONIA, as
            in the Kaggle set.
        note: Called with lines that report progress.

    Raises:
        UsageError: The format is unknown, or ``out`` exists and is something else.
        MissingExtra: The format's library is not installed.
        DataError: There are no films for int8, or no film can be read.
        DiskFull: It does not fit.
        ConversionError: The graph cannot be translated, or the export differs by more than
            `MAX_DP` (float), `MAX_MEAN_DP_INT8` on average (int8) or `MAX_AUC_DIFFERENCE`.
    """
    kind = _format(name)
    target = out if out is not None else Path(_default_name(bundle, name, kind))
    _check_target(target, kind)
    if name == "litert-int8" and films is None:
        raise DataError(
            "int8 needs calibration films",
            "Name a folder of films like those that it will read with --films.",
        )
    note("reading films")
    inputs, positive, drawn = _films(bundle, films, note)
    calibration = inputs[:0]
    if name == "litert-int8":
        inputs, positive, calibration = _calibration(inputs, positive)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the last step is a rename.
    staging = tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent)
    with room_for(target), staging as folder:
        staged = Path(folder, f"model{kind.ending}")
        note(f"writing {name}")
        with no_chatter():
            kind.write(bundle.model, staged, calibration)
        note(f"comparing {min(len(inputs), PARITY_FILMS)} films with ONNX Runtime")
        with no_chatter():
            predict = kind.load(staged)
            reference = FORMATS["onnx"].load(bundle.model)
            parity = _parity(bundle, predict, reference, inputs, positive, drawn)
            latency, onnx_latency = _latencies(predict, reference, inputs[:1])
        _check_parity(name, parity)
        size = _bytes(staged)
        _place(staged, target)
    return Exported(
        format=name,
        path=target,
        megabytes=size / 1e6,
        latency_ms=latency,
        onnx_latency_ms=onnx_latency,
        parity=parity,
    )


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise UsageError(f"format {name!r} is unknown", f"One of {', '.join(FORMATS)}.")
    return FORMATS[name]


def _default_name(bundle: Bundle, name: str, kind: Format) -> str:
    base = bundle.meta.name.replace("/", "-")
    # Formats that the ending does not identify.
    tail = {
        "litert-int8": "-int8",
        "litert-bundle": "-bundle",
        "savedmodel": "-savedmodel",
        "openvino": "-openvino",
    }
    return f"{base}{tail.get(name, '')}{kind.ending}"


def _check_target(target: Path, kind: Format) -> None:
    if not target.exists():
        return
    if kind.mark:
        fine = target.is_dir() and ((target / kind.mark).is_file() or not any(target.iterdir()))
    else:
        fine = target.is_file()
    if not fine:
        raise UsageError(
            f"{target}: exists and is not an export of this format", "Name another --out."
        )


def _place(staged: Path, target: Path) -> None:
    """Puts the export in place in one step; an older folder remains until the new one exists."""
    if staged.is_dir():
        staged.chmod(0o755)
        swap_folder(staged, target)
        return
    with staged.open("rb+") as stream:
        os.fsync(stream.fileno())
    staged.replace(target)


def _bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _films(
    bundle: Bundle, folder: Path | None, note: Note
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None, bool]:
    """Model inputs uint8 (n, size, size, 1); whether each is PNEUMONIA, if known; whether drawn."""
    meta = bundle.meta
    if folder is None:
        from pneumoscope.train.data import phantom

        return phantom.films(64, meta.size), None, True
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", "Name a folder of films with --films.")
    paths = list(images.film_files(folder))
    most = PARITY_FILMS + CALIBRATION_FILMS
    # Evenly over all films, which are listed folder by folder.
    paths = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, most).astype(int))] if paths else []  # fmt: skip
    inputs, labels, bad = [], [], 0
    for path in paths:
        try:
            film = images.read(path)
        except ImageError:
            bad += 1
            continue
        inputs.append(images.model_input(film, meta.size, meta.source_size, meta.resize))
        labels.append(_label(path))
    if bad:
        note(f"{bad} of {len(paths)} films could not be read")
    if not inputs:
        raise DataError(f"{folder}: no film can be read", "Name a folder of films with --films.")
    known = None if None in labels else np.array(labels, dtype=bool)
    return np.stack(inputs)[..., None], known, False


def _label(path: Path) -> bool | None:
    """The class by the folders of the Kaggle layout, True for PNEUMONIA; None elsewhere."""
    for part in reversed(path.parent.parts):
        if part in ("NORMAL", "PNEUMONIA"):
            return part == "PNEUMONIA"
    return None


def _calibration(
    inputs: NDArray[np.uint8], positive: NDArray[np.bool_] | None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None, NDArray[np.uint8]]:
    """Sets some films aside for calibration, so that parity is measured on the others."""
    count = min(CALIBRATION_FILMS, len(inputs) // 2)
    if count < MIN_CALIBRATION:
        raise DataError(
            f"int8 needs {2 * MIN_CALIBRATION} films, half of them for calibration; "
            f"{len(inputs)} can be read",
            "Name a folder with more films with --films.",
        )
    chosen = np.zeros(len(inputs), bool)
    chosen[np.linspace(0, len(inputs) - 1, count).astype(int)] = True
    rest = positive[~chosen] if positive is not None else None
    return inputs[~chosen], rest, inputs[chosen]


def _parity(
    bundle: Bundle,
    predict: Predict,
    reference: Predict,
    inputs: NDArray[np.uint8],
    positive: NDArray[np.bool_] | None,
    drawn: bool,
) -> Parity:
    if len(inputs) > PARITY_FILMS:
        keep = np.linspace(0, len(inputs) - 1, PARITY_FILMS).astype(int)
        inputs, positive = inputs[keep], positive[keep] if positive is not None else None
    converted, expected = (
        np.concatenate([run(film[None]) for film in inputs]) for run in (predict, reference)
    )
    dp = np.abs(converted.astype(np.float64) - expected)
    meta, points = bundle.meta, bundle.meta.points()
    if meta.negative is None:  # several findings: by how much the leading one exceeds its threshold
        limits = np.array([point.threshold for point in points])
        scores = [(p.astype(np.float64) - limits).max(axis=1) for p in (converted, expected)]
        threshold = 0.0
    else:
        negative = meta.labels.index(meta.negative)
        scores = [p_positive(p, negative) for p in (converted, expected)]
        threshold = points[0].threshold
    aucs: list[float | None] = [None, None]
    if positive is not None and 0 < positive.sum() < len(positive):
        once = np.ones((1, len(positive)))
        aucs = [float(roc_auc(positive, score, once)[0]) for score in scores]
    changed = (scores[0] >= threshold) != (scores[1] >= threshold)
    return Parity(
        films=len(inputs),
        drawn=drawn,
        max_dp=float(dp.max()),
        mean_dp=float(dp.mean()),
        verdicts_changed=int(changed.sum()),
        auc=aucs[0],
        auc_onnx=aucs[1],
    )


def _check_parity(name: str, parity: Parity) -> None:
    hint = "Nothing was written."
    if name == "litert-int8":
        hint += " Calibrate with films like those that it will read, or export litert (float)."
        if not parity.mean_dp <= MAX_MEAN_DP_INT8:
            raise ConversionError(
                f"{name}: mean |dp| {parity.mean_dp:.4f} exceeds {MAX_MEAN_DP_INT8} on "
                f"{parity.films} films",
                hint,
            )
    elif not parity.max_dp <= MAX_DP:
        raise ConversionError(
            f"{name}: largest |dp| {parity.max_dp:.4f} exceeds {MAX_DP} on {parity.films} films",
            hint + " Please report this as a bug.",
        )
    if parity.auc is not None and parity.auc_onnx is not None:
        difference = abs(parity.auc - parity.auc_onnx)
        if not difference <= MAX_AUC_DIFFERENCE:
            raise ConversionError(
                f"{name}: AUC differs by {difference:.4f}, more than {MAX_AUC_DIFFERENCE}", hint
            )


def _latencies(
    predict: Predict, reference: Predict, film: NDArray[np.uint8]
) -> tuple[float, float]:
    """Median milliseconds of both on one film, measured alternately, so that other load affects both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(3):  # first runs allocate
        predict(film), reference(film)
    for _ in range(ROUNDS):
        for run, durations in zip((predict, reference), times, strict=True):
            began = time.perf_counter()
            run(film)
            durations.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[0]), statistics.median(times[1])
