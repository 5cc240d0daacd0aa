"""The site profile: what a site's own films change in how a bundle is read.

A profile is one JSON file beside the bundle and belongs to exactly one, by its SHA-256. It holds a
map on the log odds of P(pneumonia), operating points, conformal scores, gate limits and reference
values for `pneumoscope.evidence.site.drift`: numbers only, sorted so that none can be led back to a film, no film
name, no identifier. numpy only.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.probability import LOGIT_FLOOR
from pneumoscope.errors import ProfileMismatch, ProfileMissing
from pneumoscope.files import write_text
from pneumoscope.metrics import Interval
from pneumoscope.records import OperatingPoint

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from pneumoscope.decision.rules import BundleRules

FORMAT = 1
"""Version of the file's layout; others are refused."""

GO, NO_GO = "go", "no-go"


@dataclass(frozen=True, slots=True)
class SitePoint:
    """An operating point of the site, and what it did on films that had not chosen it.

    Attributes:
        point: Its threshold cuts the site's P(pneumonia).
        sensitivity: With its 95 % interval; None if there are too few patients for one.
        specificity: Likewise.
    """

    point: OperatingPoint
    sensitivity: Interval | None = None
    specificity: Interval | None = None


@dataclass(frozen=True, slots=True)
class SiteProfile:
    """What `pneumoscope calibrate` found on a site's own films.

    Attributes:
        name: Of the site.
        created: Date, ISO 8601.
        bundle: Name and version of the bundle, for people.
        bundle_sha256: Of the bundle that the profile belongs to.
        films: That have a label and that the gate lets pass.
        patients: That they are of.
        classes: Label to number of films that were read, refused ones among them.
        prevalence: Share of positive films in the site's practice, in (0, 1); None if nobody said.
        calibration: Of the bundle's probabilities, one scale and offset; its prevalence is the
            share of positive films among those that were read.
        points: Operating points, the names unique.
        default_operating_point: The one that is used when nobody chooses.
        conformal: Scores of the site's films under calibrations fitted without them.
        gate_limits: Name of a gate score to the site's limit, in place of the bundle's.
        reference: Channel of `pneumoscope.evidence.site.drift` to the values of one film per patient, ascending.
        verdict: ``"go"`` or ``"no-go"``.
        reasons: Of the verdict, in sentences.
    """

    name: str
    created: str
    bundle: str
    bundle_sha256: str
    films: int
    patients: int
    classes: Mapping[str, int]
    prevalence: float | None
    calibration: Calibration
    points: tuple[SitePoint, ...]
    default_operating_point: str
    conformal: Scores
    gate_limits: Mapping[str, float]
    reference: Mapping[str, tuple[float, ...]]
    verdict: str
    reasons: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name and the first digits of a SHA-256 of all values: a new calibration is another one."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.name} ({hashlib.sha256(text.encode()).hexdigest()[:8]})"

    def check(self, title: str, sha256: str) -> None:
        """Refuses another bundle than the one that the profile was made with.

        Args:
            title: Name and version of the bundle, for the message.
            sha256: Its hash.

        Raises:
            ProfileMismatch: It is another one.
        """
        if sha256 != self.bundle_sha256:
            raise ProfileMismatch(
                f"site profile {self.name}: made for the bundle {self.bundle} "
                f"({self.bundle_sha256[:12]}), not for {title} ({sha256[:12]})",
                "Run `pneumoscope calibrate` with this bundle, with --from OLD_BUNDLE to keep what "
                "the old operating points did.",
            )


def applied(profile: SiteProfile, rules: BundleRules) -> BundleRules:
    """The rules of a bundle at the site: points, conformal scores, gate limits, prevalence.

    Their calibration says only to which prevalence the site's probabilities belong; what the
    network gives still has to go through ``site_calibration``.
    """
    limits = rules.gate_limits
    if limits is not None:
        limits = {**limits, **profile.gate_limits}
    return replace(
        rules,
        calibration=replace(rules.calibration, prevalence=profile.calibration.prevalence),
        conformal=profile.conformal,
        operating_points=tuple(site.point for site in profile.points),
        default_operating_point=profile.default_operating_point,
        gate_limits=limits,
        site_calibration=profile.calibration,
        profile=profile.title,
        prevalence=profile.prevalence,
    )


def unmapped(p: float, calibration: Calibration) -> float:
    """The bundle's P(positive) of the site's: `Calibration.apply` backwards."""
    kept = min(max(p, LOGIT_FLOOR), 1 - LOGIT_FLOOR)
    return float(calibration.undo(np.array([[1 - kept, kept]]), 0)[0, 1])


def read_profile(path: str | os.PathLike[str]) -> SiteProfile:
    """Reads a profile and checks every value in it.

    Raises:
        ProfileMissing: No such file.
        ProfileMismatch: The file is no profile, of another format version, or out of range.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError):
            raise ProfileMissing(str(file)) from None
        raise _malformed(file, "it is not text") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _malformed(file, f"broken JSON: {error}") from error
    if not isinstance(content, dict) or "bundle_sha256" not in content:
        raise _malformed(file, "this is other JSON")
    if content.get("format") != FORMAT:
        raise ProfileMismatch(
            f"{file}: site profile of format {content.get('format')} (this pneumoscope reads {FORMAT})",
            "Run `pneumoscope calibrate` again with this version.",
        )
    try:
        profile = profile_from_json(content)
        _check(profile)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(file, str(error) or repr(error)) from error
    return profile


def write_profile(path: Path, profile: SiteProfile) -> None:
    """Writes a profile in one step.

    Raises:
        DiskFull: It does not fit.
    """
    _check(profile)
    content = {"format": FORMAT, **asdict(profile)}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _malformed(file: Path, why: str) -> ProfileMismatch:
    return ProfileMismatch(
        f"{file}: is no site profile ({why})",
        "Name the file that `pneumoscope calibrate DATA --out FILE` wrote.",
    )


def profile_from_json(content: Mapping[str, Any]) -> SiteProfile:
    """A profile from the content of its file; whether the values are in range is not looked at.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is no such content.
    """
    return SiteProfile(
        name=str(content["name"]),
        created=str(content["created"]),
        bundle=str(content["bundle"]),
        bundle_sha256=str(content["bundle_sha256"]),
        films=int(content["films"]),
        patients=int(content["patients"]),
        classes={str(name): int(n) for name, n in content["classes"].items()},
        prevalence=None if content["prevalence"] is None else float(content["prevalence"]),
        calibration=Calibration(
            (float(content["calibration"]["scale"][0]),),
            (float(content["calibration"]["offset"][0]),),
            prevalence=float(content["calibration"]["prevalence"]),
        ),
        points=tuple(
            SitePoint(
                OperatingPoint(**one["point"]),
                *(
                    None if one[side] is None else Interval(**one[side])
                    for side in ("sensitivity", "specificity")
                ),
            )
            for one in content["points"]
        ),
        default_operating_point=str(content["default_operating_point"]),
        conformal=Scores(
            {name: Sides(**_lists(s)) for name, s in content["conformal"]["questions"].items()},
            _lists(content["conformal"]["kinds"]),
        ),
        gate_limits={str(name): float(x) for name, x in content["gate_limits"].items()},
        reference=_lists(content["reference"]),
        verdict=str(content["verdict"]),
        reasons=tuple(str(reason) for reason in content["reasons"]),
    )


def _lists(content: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    return {str(name): tuple(float(x) for x in values) for name, values in content.items()}


def _check(profile: SiteProfile) -> None:
    """Refuses values out of range with a ValueError."""
    own = profile.calibration
    if not (math.isfinite(own.scale[0]) and math.isfinite(own.offset[0]) and own.scale[0] > 0):
        raise ValueError(f"calibration {own.text}: the scale must be above 0")
    for share in (own.prevalence, profile.prevalence):
        if share is not None and not 0 < share < 1:
            raise ValueError(f"prevalence {share:g} is not between 0 and 1")
    names = [own.point.name for own in profile.points]
    if len(set(names)) < len(names) or profile.default_operating_point not in names:
        raise ValueError(
            f"operating points {names}, {profile.default_operating_point!r} by default"
        )
    for site in profile.points:
        if not 0 < site.point.threshold < 1:
            raise ValueError(f"threshold {site.point.threshold:g} of {site.point.name}")
    scores = [
        side for s in profile.conformal.questions.values() for side in (s.negative, s.positive)
    ]
    scores += profile.conformal.kinds.values()
    for values in (*scores, *profile.reference.values()):
        if not np.isfinite(values).all() or list(values) != sorted(values):
            raise ValueError("reference values or conformal scores are not finite and ascending")
    if any(not 0 <= p <= 1 for values in scores for p in values):
        raise ValueError("a conformal score is no probability")
    if not all(math.isfinite(limit) for limit in profile.gate_limits.values()):
        raise ValueError("a gate limit is not finite")
    if profile.verdict not in (GO, NO_GO):
        raise ValueError(f"verdict {profile.verdict!r}")
