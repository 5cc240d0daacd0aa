"""Predictions that `pneumoscope predict` wrote, read back from its JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pneumoscope.decision.profile import unmapped
from pneumoscope.errors import UsageError
from pneumoscope.files import cause
from pneumoscope.records import REFUSED
from pneumoscope.render.export import plain_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pneumoscope.decision.calibration import Calibration

_HINT = "Name what `pneumoscope predict FILMS --json > FILE` (or --csv) wrote."
_PATTERN = "Such as 'person\\d+', or '/(\\d{6})/' for a folder per patient."


@dataclass(frozen=True, slots=True)
class Written:
    """One film's prediction, as far as drift needs it.

    Attributes:
        source: Name of the film, as the file gives it.
        read: False if the film could not be read; then nothing else is known.
        p: P(positive) before any correction for prevalence, in [0, 1]; None if none was given.
        refused: Whether the gate refused the film; None if the file does not say.
        scores: Name of a gate measurement to its value.
        bundle_sha256: SHA-256 of the bundle that judged the film; ``""`` if the file does not say.
        profile: Title of the site profile that was applied to ``p``, or None.
        population: Name of the population whose bundle was chosen for the film, or None.
    """

    source: str
    read: bool = True
    p: float | None = None
    refused: bool | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    bundle_sha256: str = ""
    profile: str | None = None
    population: str | None = None

    def bundle_p(self, calibration: Calibration | None) -> float | None:
        """P(positive) as the bundle gave it, before a site's calibration."""
        if self.p is None or self.profile is None or calibration is None:
            return self.p
        return unmapped(self.p, calibration)


def read_predictions(files: Sequence[Path]) -> list[Written]:
    """Reads the predictions of several files, in their order.

    Raises:
        UsageError: A file is missing, is not what ``predict`` writes, or holds no prediction.
    """
    predictions: list[Written] = []
    for file in files:
        read = list(_read(file))
        if not read:
            raise UsageError(f"{file}: holds no predictions", _HINT)
        predictions += read
    return predictions


def one_per_patient(written: Sequence[Written], pattern: str) -> tuple[list[Written], int]:
    """Keeps the first film of each patient, and the films that could not be read.

    Args:
        written: In order of time.
        pattern: Regular expression. What its first group matches in a film's name, or what the whole
            matches, is the patient. A film without a match counts as another patient.

    Returns:
        The films kept, and how many were left out.

    Raises:
        UsageError: The pattern is not a regular expression, or matches no film's name.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"--patient {pattern}: is not a regular expression ({error})", _PATTERN
        ) from None
    matches = [compiled.search(film.source) for film in written]
    if not any(matches):
        raise UsageError(f"--patient {pattern}: matches no film's name", _PATTERN)
    seen: set[str] = set()
    kept = []
    for film, match in zip(written, matches, strict=True):
        key = match[min(1, compiled.groups)] if match and film.read else None
        if key is None or key not in seen:
            kept.append(film)
        if key is not None:
            seen.add(key)
    return kept, len(written) - len(kept)


def of_bundle(written: Sequence[Written], bundle_sha256: str) -> list[Written]:
    """Leaves out films that a bundle for another population was chosen for.

    Args:
        written: Predictions.
        bundle_sha256: SHA-256 of the bundle whose films are kept.
    """
    return [
        film
        for film in written
        if film.population is None or film.bundle_sha256 in ("", bundle_sha256)
    ]


def check_source(written: Sequence[Written], bundle_sha256: str, profile: str) -> None:
    """Refuses predictions that were made with another bundle or another site profile.

    Args:
        written: Predictions.
        bundle_sha256: SHA-256 of the profile's bundle.
        profile: Title of the profile.

    Raises:
        UsageError: Naming the first such film.
    """
    for film in written:
        if film.bundle_sha256 and film.bundle_sha256 != bundle_sha256:
            raise UsageError(
                f"{film.source}: predicted with another bundle ({film.bundle_sha256[:12]}) than that of "
                f"the site profile ({bundle_sha256[:12]})",
                "Predict again with the profile's bundle, or calibrate the other one.",
            )
        if film.profile is not None and film.profile != profile:
            raise UsageError(
                f"{film.source}: predicted with the site profile {film.profile}, not with {profile}",
                "Name the profile that the predictions were made with.",
            )


def written_of(record: Mapping[str, Any]) -> Written:
    """One film, from a record of `serialise.outcome_to_json` or from a CSV row in its shape.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, OverflowError: It is not a record.
    """
    source = str(record["source"])
    if record.get("error") and "bundle_sha256" not in record:
        return Written(source=source, read=False)
    p = record.get("p_unadjusted", record.get("p_positive", record.get("p_pneumonia")))
    p = None if p is None else float(p)
    if p is not None and not 0 <= p <= 1:
        raise ValueError(f"p_positive {p} of {source}")
    gate = record.get("gate") or {}
    level = gate.get("level")
    refused = None if level is None else level == "refuse"
    if record.get("label") == REFUSED:
        refused = True
    scores = {str(name): float(value) for name, value in (gate.get("scores") or {}).items()}
    if odd := [name for name, value in scores.items() if not math.isfinite(value)]:
        raise ValueError(f"gate score {odd[0]} of {source} is not a number")
    return Written(
        source=source,
        p=p,
        refused=refused,
        scores=scores,
        bundle_sha256=str(record.get("bundle_sha256") or ""),
        profile=str(record["profile"]) if record.get("profile") else None,
        population=str(record["population"]) if record.get("population") else None,
    )


def _read(file: Path) -> Iterator[Written]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({cause(error)})", _HINT) from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is not text", _HINT) from None
    try:
        records = _json(text) if text.lstrip()[:1] in ("{", "[") else _csv(text)
        for record in records:
            yield written_of(record)
    except (
        KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError, csv.Error,
    ) as error:  # fmt: skip
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{file}: is not what predict writes ({cause(error)})", _HINT) from error


def _json(text: str) -> list[dict[str, Any]]:
    content = json.loads(text)
    return list(content["results"] if isinstance(content, dict) else content)


def _csv(text: str) -> Iterator[dict[str, Any]]:
    """Rows in the shape of the JSON's records."""
    rows = csv.DictReader(io.StringIO(text))
    columns = set(rows.fieldnames or ())
    if text.strip() and not ("source" in columns and columns & {"p_positive", "p_pneumonia"}):
        raise ValueError("the columns source and p_positive are missing")
    for row in rows:
        filled: dict[str, Any] = {
            key: plain_cell(value) for key, value in row.items() if value not in (None, "")
        }
        if "error_code" in filled:
            filled["error"] = filled["error_code"]
        filled["gate"] = {"level": filled.get("gate")}
        yield filled
