"""The site profile: how a bundle is adapted to a site, measured on the site's films.

A profile is a JSON file beside the bundle. It belongs to exactly one bundle, by SHA-256. It contains a
map on the log odds of P(pneumonia), operating points, conformal scores, gate limits and reference
values for `pneumoscope.evidence.site.drift`. These are numbers only, sorted so that none can be traced
to a film; there are no film names and no identifiers. numpy only.
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
    """An operating point of the site, and its figures on films that it was not chosen on.

    Attributes:
        point: Its threshold applies to the site's P(pneumonia).
        sensitivity: With its 95 % interval; None if there are too few patients for one.
        specificity: Likewise.
    """

    point: OperatingPoint
    sensitivity: Interval | None = None
    specificity: Interval | None = None


@dataclass(frozen=True, slots=True)
class SiteProfile:
    """What `pneumoscope calibrate` measured on a site's films.

    Attributes:
        name: Name of the site.
        created: Date, ISO 8601.
        bundle: Name and version of the bundle, for people.
        bundle_sha256: SHA-256 of the bundle that the profile belongs to.
        films: Number of films that have a label and pass the gate.
        patients: Number of their patients.
        classes: Label to number of films that were read, including refused ones.
        prevalence: Share of positive films in the site's practice, in (0, 1); None if it was not given.
        calibration: Calibration of the bundle's probabilities, one scale and offset; its prevalence is
            the share of positive films among those that were read.
        points: Operating points; their names are unique.
        default_operating_point: Name of the point that is used if the reader chooses none.
        conformal: Scores of the site's films under calibrations that were fitted without them.
        gate_limits: Name of a gate score to the site's limit, in place of the bundle's.
        reference: Channel of `pneumoscope.evidence.site.drift` to the values of one film per patient,
            ascending.
        verdict: ``"go"`` or ``"no-go"``.
        reasons: Reasons for the verdict, in sentences.
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
        """Name and the first digits of a SHA-256 of all values, so each calibration has its title."""
        text = json.dumps(_values(self), sort_keys=True)
        return f"{self.name} ({hashlib.sha256(text.encode()).hexdigest()[:8]})"

    def check(self, title: str, sha256: str) -> None:
        """Refuses every bundle except the one that the profile was made with.

        Args:
            title: Name and version of the bundle, for the message.
            sha256: SHA-256 of the bundle.

        Raises:
            ProfileMismatch: It is another bundle.
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

    The ``calibration`` of the result only states the prevalence at which the site's probabilities
    hold. The network's probabilities must still be transformed by ``site_calibration``.
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
    """The bundle's P(positive) for one at the site: the inverse of `Calibration.apply`."""
    kept = min(max(p, LOGIT_FLOOR), 1 - LOGIT_FLOOR)
    return float(calibration.undo(np.array([[1 - kept, kept]]), 0)[0, 1])


_MOST_CHARACTERS = 64 * 2**20


def read_profile(path: str | os.PathLike[str]) -> SiteProfile:
    """Reads a profile and checks every value in it.

    Raises:
        ProfileMissing: There is no such file.
        ProfileMismatch: The file is not a profile, has another format version, or a value is out of
            range.
    """
    file = Path(path)
    if file.exists() and not file.is_file():  # reading a device or a pipe may never end
        raise _malformed(file, "it is a folder, a device or a pipe")
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(_MOST_CHARACTERS)
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError):
            raise ProfileMissing(str(file)) from None
        raise _malformed(file, "it is not text") from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
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
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise _malformed(file, str(error) or repr(error)) from error
    return profile


def write_profile(path: Path, profile: SiteProfile) -> None:
    """Writes a profile in one step.

    Raises:
        DiskFull: The disk is full.
    """
    _check(profile)
    content = {"format": FORMAT, **_values(profile)}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _values(profile: SiteProfile) -> dict[str, Any]:
    """All values, without what a profile never has: titles of older profiles stay as they are."""
    values = asdict(profile)
    del values["conformal"]["left_out"]
    return values


def _malformed(file: Path, why: str) -> ProfileMismatch:
    return ProfileMismatch(
        f"{file}: is not a site profile ({why})",
        "Name the file that `pneumoscope calibrate DATA --out FILE` wrote.",
    )


def profile_from_json(content: Mapping[str, Any]) -> SiteProfile:
    """A profile from the content of its file; ranges of values are not checked.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: The content has another structure.
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
                OperatingPoint(**site["point"]),
                *(
                    None if site[side] is None else Interval(**site[side])
                    for side in ("sensitivity", "specificity")
                ),
            )
            for site in content["points"]
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
    calibration = profile.calibration
    scale, offset = calibration.scale[0], calibration.offset[0]
    if not (math.isfinite(scale) and math.isfinite(offset) and scale > 0):
        raise ValueError(f"calibration {calibration.text}: the scale must be above 0")
    for share in (calibration.prevalence, profile.prevalence):
        if share is not None and not 0 < share < 1:
            raise ValueError(f"prevalence {share:g} is not between 0 and 1")
    names = [site.point.name for site in profile.points]
    if len(set(names)) < len(names) or profile.default_operating_point not in names:
        raise ValueError(
            f"operating points {names}, {profile.default_operating_point!r} by default"
        )
    for site in profile.points:
        if not 0 < site.point.threshold < 1:
            raise ValueError(f"threshold {site.point.threshold:g} of {site.point.name}")
    if not profile.conformal.questions:
        raise ValueError("conformal scores of nothing")
    scores = [
        side for s in profile.conformal.questions.values() for side in (s.negative, s.positive)
    ]
    scores += profile.conformal.kinds.values()
    for values in (*scores, *profile.reference.values()):
        if not np.isfinite(values).all() or list(values) != sorted(values):
            raise ValueError("reference values or conformal scores are not finite and ascending")
    if any(not 0 <= p <= 1 for values in scores for p in values):
        raise ValueError("a conformal score is not a probability")
    if not all(math.isfinite(limit) for limit in profile.gate_limits.values()):
        raise ValueError("a gate limit is not finite")
    if profile.verdict not in (GO, NO_GO):
        raise ValueError(f"verdict {profile.verdict!r}")
