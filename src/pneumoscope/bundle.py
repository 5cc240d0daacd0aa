"""The model folder: read, verify, write.

A bundle is a folder with ``model.onnx`` (everything from uint8 films to calibrated
probabilities), ``bundle.json`` (what the numbers mean), ``golden.npz`` (inputs and the outputs
they must give) and ``README.md`` (the model card). ``bundle.json`` holds the SHA-256 of the other
files, so its own SHA-256 identifies the whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.rules import BundleRules, Labels, points_named
from pneumoscope.decision.triage import kinds_warning
from pneumoscope.errors import (
    BundleDamaged,
    BundleMismatch,
    BundleMissing,
    UsageError,
)
from pneumoscope.files import room_for, swap_folder
from pneumoscope.records import NORMAL, TASKS, OperatingPoint, Population

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
"""Version of the layout of ``bundle.json``; other versions are refused."""

MODEL, META, GOLDEN, CARD = "model.onnx", "bundle.json", "golden.npz", "README.md"
GATE = "gate.npz"
"""The learned part of the gate, see `pneumoscope.decision.gate`; not in every bundle."""

SHIPPED = Path(__file__).parent / "bundles" / "flagship"
"""The bundle inside the package."""


@dataclass(frozen=True, slots=True)
class BundleMeta:
    """The content of ``bundle.json``.

    Attributes:
        name: Short name of the model.
        version: Version of the model, not of the package.
        task: ``"binary"``, ``"multiclass"`` (a film has one class) or ``"multilabel"`` (several
            findings or none).
        labels: Classes or findings in the order of the network's outputs.
        negative: The class that means "nothing found"; P(pneumonia) = 1 - P(negative). None for
            several findings.
        positive: What a film is called that is not negative, such as ``"PNEUMONIA"``.
        size: Side of the network's input in pixels.
        source_size: Side in pixels to which larger films are resampled first, because the
            training films were.
        calibration: What makes the logits honest probabilities, already inside ``model.onnx``.
        conformal: Scores of the validation films, from which sets of classes follow for any error;
            None where there are none, as of an imported model, or too few for the usual error.
        operating_points: Thresholds on P(pneumonia); for several findings one of each name for
            each finding.
        default_operating_point: The name that is used when nobody chooses.
        population: Whom the training films show.
        intended_use: What the model is for, and what not.
        recipe: The resolved recipe.
        data: Counts and hash of the training manifest.
        validation: Figures on held-out patients, as the model card tells them.
        gate: ``limits`` of the gate's scores, and what was ``measured`` of them; None for a bundle
            without a gate of its own.
        explanation: What the scores of the heatmaps are worth on held-out patients; ``limits`` maps
            a mode of `pneumoscope.decision.explain` to the least score that is shown. None if nobody
            measured it.
    """

    name: str
    version: str
    task: str
    labels: tuple[str, ...]
    negative: str | None
    positive: str
    size: int
    source_size: int
    calibration: Calibration
    conformal: Scores | None
    operating_points: tuple[OperatingPoint, ...]
    default_operating_point: str
    population: Population
    intended_use: str
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    validation: Mapping[str, Any]
    gate: Mapping[str, Any] | None = None
    explanation: Mapping[str, Any] | None = None

    def points(self, name: str | None = None) -> tuple[OperatingPoint, ...]:
        """The thresholds of that name, or of the default one: one, or one per finding.

        Raises:
            UnknownOperatingPoint: No such name; the hint lists those there are.
        """
        return points_named(self.operating_points, name or self.default_operating_point)

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """The threshold of that name, or the default one, of a bundle whose films have one class.

        Raises:
            UnknownOperatingPoint: No such name; the hint lists those there are.
        """
        return self.points(name)[0]

    @property
    def rules(self) -> BundleRules:
        """What the bundle offers to decide by."""
        kinds = tuple(name for name in self.labels if name != self.negative)
        if self.negative is None or len(kinds) < 2:
            kinds = ()
        return BundleRules(
            bundle=self.name,
            labels=Labels(self.labels, self.negative, self.positive, kinds),
            calibration=self.calibration,
            conformal=self.conformal,
            operating_points=self.operating_points,
            default_operating_point=self.default_operating_point,
            population=self.population,
            kinds_warning=kinds_warning(kinds),
            gate_limits=self.gate["limits"] if self.gate else None,
        )


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified model folder.

    Attributes:
        path: The folder.
        meta: The content of ``bundle.json``.
        sha256: SHA-256 of ``bundle.json``, which holds the hashes of all other files.
    """

    path: Path
    meta: BundleMeta
    sha256: str

    @property
    def model(self) -> Path:
        return self.path / MODEL

    @property
    def gate(self) -> Path | None:
        """The learned part of the gate, if the bundle has one."""
        return self.path / GATE if self.meta.gate is not None else None

    @property
    def title(self) -> str:
        """Name and version, as shown to people."""
        return f"{self.meta.name} {self.meta.version}"


def open_bundle(path: str | os.PathLike[str] | None = None) -> Bundle:
    """Reads a model folder and checks the hash of every file in it.

    Args:
        path: The folder; None for the bundle inside the package.

    Raises:
        BundleMissing: No such folder, or a file of it is missing.
        BundleDamaged: A file does not match its hash.
        BundleMismatch: ``bundle.json`` is malformed or of another format version.
    """
    folder = Path(path) if path is not None else SHIPPED
    name = folder.name or str(folder)
    if not folder.is_dir():
        raise BundleMissing(str(folder))
    try:
        raw = (folder / META).read_bytes()
    except OSError:
        raise BundleMissing(name, f"{META} is missing or unreadable") from None
    try:
        content = json.loads(raw)
        version = content["format"]
        if version != FORMAT:
            raise BundleMismatch(name, f"format {version} (this pneumoscope reads {FORMAT})")
        if "calibration" not in content:
            raise BundleMismatch(name, "an older pneumoscope calibrated it by one temperature")
        files = dict(content["files"])
        meta = _meta_from_json(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BundleMismatch):
            raise
        raise BundleMismatch(name, f"{META} is malformed ({error!r})") from error
    for required in (MODEL, GOLDEN, CARD, *((GATE,) if meta.gate is not None else ())):
        if required not in files:
            raise BundleMismatch(name, f"{META} does not list {required}")
    for file, expected in files.items():
        try:
            found = sha256_of(folder / file)
        except OSError:
            raise BundleMissing(name, f"{file} is missing or unreadable") from None
        if found != expected:
            raise BundleDamaged(name, file)
    return Bundle(folder, meta, hashlib.sha256(raw).hexdigest())


def write_bundle(
    folder: str | os.PathLike[str], meta: BundleMeta, files: Mapping[str, Path]
) -> Bundle:
    """Writes a model folder in one step: either the whole new one stands there, or what was before.

    Args:
        folder: Target; an existing bundle there is replaced, any other content is refused.
        meta: The content of ``bundle.json``.
        files: Name inside the bundle to the file to copy; must hold model, golden and card.

    Raises:
        UsageError: The target exists and is not a bundle.
        DiskFull: It does not fit.
    """
    target = Path(folder)
    if target.exists() and not (target / META).is_file() and any(target.iterdir()):
        raise UsageError(f"{target}: is not empty and not a bundle", "Name a new folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with room_for(target):
            for name, source in files.items():
                shutil.copyfile(source, staging / name)
            hashes = {name: sha256_of(staging / name) for name in sorted(files)}
            content = {"format": FORMAT, **asdict(meta), "files": hashes}
            text = _lists_on_one_line(
                json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
            )
            (staging / META).write_text(text + "\n", encoding="utf-8")
            staging.chmod(0o755)
            for path in staging.iterdir():
                with path.open("rb+") as stream:
                    os.fsync(stream.fileno())
            swap_folder(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return open_bundle(target)


def _lists_on_one_line(text: str) -> str:
    """JSON whose lists of numbers take one line each: a bundle holds hundreds of scores."""
    return re.sub(
        r"\[\n\s+(-?\d[^\]\"{}]*?)\s+\]",
        lambda found: "[" + re.sub(r",\s+", ", ", found[1]) + "]",
        text,
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _meta_from_json(content: Mapping[str, Any]) -> BundleMeta:
    population = content["population"]
    ages = population["age_years"]
    if ages is not None:
        low, high = ages
        ages = (float(low), float(high))
    meta = BundleMeta(
        name=str(content["name"]),
        version=str(content["version"]),
        task=str(content["task"]),
        labels=tuple(content["labels"]),
        negative=None if content["negative"] is None else str(content["negative"]),
        positive=str(content["positive"]),
        size=int(content["size"]),
        source_size=int(content["source_size"]),
        calibration=_calibration(content["calibration"]),
        conformal=None if content["conformal"] is None else _conformal(content["conformal"]),
        operating_points=tuple(
            OperatingPoint(str(p["name"]), float(p["threshold"]), str(p["rule"]), p["finding"])
            for p in content["operating_points"]
        ),
        default_operating_point=str(content["default_operating_point"]),
        population=Population(str(population["text"]), ages, tuple(population["views"])),
        intended_use=str(content["intended_use"]),
        recipe=dict(content["recipe"]),
        data=dict(content["data"]),
        validation=dict(content["validation"]),
        gate=_gate_from_json(content.get("gate")),
        explanation=_explanation(content.get("explanation")),
    )
    if not 0 < meta.size <= meta.source_size:
        raise ValueError(f"size {meta.size}, source_size {meta.source_size}")
    for point in meta.operating_points:
        if not 0 < point.threshold < 1:
            raise ValueError(f"threshold {point.threshold} of {point.name}")
    if meta.positive == NORMAL:
        raise ValueError(f"what is not {meta.negative} cannot be called {NORMAL}")
    _check_labels(meta)
    _check_probabilities(meta)
    return meta


def _gate_from_json(content: Any) -> dict[str, Any] | None:
    if content is None:
        return None
    limits = {str(name): float(value) for name, value in content["limits"].items()}
    return {"limits": limits, "measured": dict(content["measured"])}


def _calibration(content: Mapping[str, Any]) -> Calibration:
    prevalence = content["prevalence"]
    return Calibration(
        tuple(float(a) for a in content["scale"]),
        tuple(float(b) for b in content["offset"]),
        float(content["kinds_temperature"]),
        None if prevalence is None else float(prevalence),
    )


def _conformal(content: Mapping[str, Any]) -> Scores:
    return Scores(
        {
            str(name): Sides(tuple(map(float, s["negative"])), tuple(map(float, s["positive"])))
            for name, s in content["questions"].items()
        },
        {str(name): tuple(map(float, s)) for name, s in content["kinds"].items()},
    )


def _check_probabilities(meta: BundleMeta) -> None:
    own = meta.calibration
    questions = len(meta.labels) if meta.negative is None else 1
    if {len(own.scale), len(own.offset)} != {questions} or not min(own.scale) > 0:
        raise ValueError(f"calibration of {questions} questions: {own}")
    known = own.prevalence is not None
    if not own.kinds_temperature > 0 or (known and not 0 < (own.prevalence or 0.0) < 1):
        raise ValueError(f"calibration {own}")
    if meta.conformal is None:
        return
    names = set(meta.labels) if meta.negative is None else {meta.positive}
    kinds = set(meta.conformal.kinds)
    if not set(meta.conformal.questions) <= names or not kinds <= set(meta.labels):
        raise ValueError(f"conformal scores of {[*meta.conformal.questions, *kinds]}")
    sides = [side for s in meta.conformal.questions.values() for side in (s.negative, s.positive)]
    for scores in (*sides, *meta.conformal.kinds.values()):
        if not all(0 <= a <= b <= 1 for a, b in pairwise((0.0, *scores))):
            raise ValueError("conformal scores that do not ascend from 0 to 1")
    if not sides:
        raise ValueError("conformal scores of nothing")


def _explanation(content: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if content is None:
        return None
    limits = {str(mode): float(limit) for mode, limit in content["limits"].items()}
    if not all(0 <= limit <= 1 for limit in limits.values()):
        raise ValueError(f"explanation limits {limits}")
    return {**content, "limits": limits}


def _check_labels(meta: BundleMeta) -> None:
    if meta.task not in TASKS or len(set(meta.labels)) < max(2, len(meta.labels)):
        raise ValueError(f"task {meta.task!r} with the labels {meta.labels}")
    several = meta.task == "multilabel"
    if several != (meta.negative is None) or not (several or meta.negative in meta.labels):
        raise ValueError(
            f"task {meta.task}: negative class {meta.negative!r}, labels {meta.labels}"
        )
    for name in dict.fromkeys(point.name for point in meta.operating_points):
        found = [point.finding for point in meta.points(name)]
        if found != (list(meta.labels) if several else [None]):
            raise ValueError(f"operating point {name} stands for {found}")
    meta.points()
