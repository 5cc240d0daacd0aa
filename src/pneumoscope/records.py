"""The values that travel through pneumoscope: frozen, without behaviour that needs a model.

Arrays inside records are read-only by convention and never compared: records have identity
equality, because comparing films pixel by pixel is never what a caller means.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the records themselves cost no import
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.errors import PneumoscopeError

NORMAL = "NORMAL"
ABNORMAL = "ABNORMAL"
"""The verdict of a bundle that knows several diseases."""
UNDETERMINED = "UNDETERMINED"
"""The verdict where the films of the validation patients do not support a single class."""
REFUSED = "REFUSED"
"""In place of a verdict, where the gate says that the film cannot be judged."""
NO_EXPLANATION = "no reliable explanation"
"""In place of a heatmap whose score is below the limit."""
ANTIALIAS, BILINEAR, NEAREST = RESIZES = ("antialias", "bilinear", "nearest")
"""How films become smaller: from all pixels, between the four nearest, or the nearest pixel."""
NO_HEATMAPS = "This model gives no heatmap."
"""Beside every verdict of a bundle without heatmaps."""
TASKS = ("binary", "multiclass", "multilabel")
"""What a network distinguishes: two classes, several classes, or several findings on one film."""
LEAVE_OUT = "leave-out:"
"""Begins a split that keeps one source for testing, such as ``"leave-out:north"``."""
FOLD = "fold:"
"""Begins a split that keeps one fold of a cross-validation for testing, such as ``"fold:2/5"``."""
AVERAGE = "average of the runs "
"""Begins what stands for the start weights of a network whose weights are the mean of those of several runs."""
_FOLD = re.compile(rf"{FOLD}(\d+)/(\d+)")


def fold_split(number: int, folds: int) -> str:
    """The split that keeps a fold for testing, such as ``"fold:2/5"``."""
    return f"{FOLD}{number}/{folds}"


def fold_of(split: str) -> tuple[int, int] | None:
    """Number of the fold that a split keeps for testing, from 1, and of all folds; None for other splits."""
    match = _FOLD.fullmatch(split)
    number, folds = (int(match[1]), int(match[2])) if match else (0, 0)
    return (number, folds) if 1 <= number <= folds and folds >= 2 else None


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What a source's header says about the film; ``None`` if it says nothing. Never names or identifiers.

    Attributes:
        format: ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ``"BMP"``, ``"WEBP"`` or ``"DICOM"``.
        rows: Height of the stored film in pixels, after EXIF orientation.
        columns: Width of the stored film in pixels, after EXIF orientation.
        bits: Bits that one stored sample uses.
        colour: True if the stored film is in colour and its channels really differ.
        tint: Mean difference of red or blue from green, in [0, 1]; 0 if ``colour`` is False.
        reduced_by: Factor by which the decoder shrank the film (1, 2, 4 or 8).
        missing_rows: Rows that are missing at the end of the stored film and are filled; 0 if its
            file lacks its end, but no pixel; None if it is complete.
        grey_side: True if one side of a picture has a single grey level, as in a screenshot; None for DICOM.
        screen_grid: True if a picture shows the pixel grid of a screen; None for DICOM.
        taken_by: ``"camera"`` or ``"screenshot"`` if the Exif data of a picture says so; else None.
        modality: DICOM Modality (0008,0060), such as ``"CR"``.
        view_position: DICOM View Position (0018,5101), such as ``"AP"``.
        body_part: DICOM Body Part Examined (0018,0015), such as ``"CHEST"``.
        row_direction: First value of DICOM Patient Orientation (0020,0020); ``"L"`` (left) on an upright film.
        laterality: DICOM Image Laterality (0020,0062) or Laterality (0020,0060).
        age_years: Patient's Age (0010,1010) in years; months, weeks and days as a fraction.
        pixel_spacing_mm: (row spacing, column spacing) in mm at the stored size, from Pixel
            Spacing (0028,0030) or, without it, Imager Pixel Spacing (0018,1164).
        photometric: DICOM Photometric Interpretation (0028,0004).
        transfer_syntax: UID of the DICOM transfer syntax of the pixels, even if (0002,0010) states another one.
    """

    format: str
    rows: int
    columns: int
    bits: int = 8
    colour: bool = False
    tint: float = 0.0
    reduced_by: int = 1
    missing_rows: int | None = None
    grey_side: bool | None = None
    screen_grid: bool | None = None
    taken_by: str | None = None
    modality: str | None = None
    view_position: str | None = None
    body_part: str | None = None
    row_direction: str | None = None
    laterality: str | None = None
    age_years: float | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    photometric: str | None = None
    transfer_syntax: str | None = None

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> FilmFacts:
        """From values that were read from JSON, where tuples are lists.

        Raises:
            TypeError, ValueError: The values are of another kind.
        """
        facts = dict(values)
        if facts.get("pixel_spacing_mm") is not None:
            facts["pixel_spacing_mm"] = tuple(facts["pixel_spacing_mm"])
        return cls(**facts)


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One decoded film.

    Attributes:
        pixels: float32, (rows, columns), in [0, 1]; 0 is air-dark, as in MONOCHROME2.
        facts: What the source says about the film.
        levels: uint8 (rows, columns), ``pixels`` times 255, if the source has 8-bit grey levels; it
            saves the conversion to float32 and back.
    """

    pixels: NDArray[np.float32]
    facts: FilmFacts
    levels: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Population:
    """The patients of the training films. A film of other patients is UNDETERMINED or REFUSED, with a reason.

    Attributes:
        text: One sentence for people, without its full stop.
        age_years: (youngest, oldest), inclusive; None if unknown.
        views: DICOM View Position values; empty if unknown.
    """

    text: str
    age_years: tuple[float, float] | None
    views: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A named threshold, chosen on validation films.

    Attributes:
        name: Its name, such as ``"balanced"``.
        threshold: In (0, 1). A film is called positive if P(positive) is at or above it.
        rule: How it was chosen, in words.
        finding: The finding that it applies to, for a bundle with several findings; otherwise None.
    """

    name: str
    threshold: float
    rule: str
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The reader's settings.

    Attributes:
        operating_point: Name of the threshold for the label; None for the bundle's default.
        error: Share of the films of either class whose conformal set may miss the true class, in
            (0, 1); None for 5 %, or for no sets if the bundle has no conformal scores.
        prevalence: Share of films with disease where the films come from, in (0, 1), to which
            the shown probability is corrected; None for the prevalence at which the bundle was calibrated.
        force: Give a verdict, and mark it, even if the film is refused or outside the population.
        explain: ``"none"``, ``"fast"`` (the heatmap, with checks that need one run of the network)
            or ``"checked"`` (also runs the network on covered and shifted copies), see
            `pneumoscope.decision.explain`.
        profile: File of the site profile that `pneumoscope calibrate` wrote; None for none. Its
            prevalence is used if ``prevalence`` is None.
        population: Name of the population whose bundle reads the films, if there are several; None
            to choose it for each film.
    """

    operating_point: str | None = None
    error: float | None = None
    prevalence: float | None = None
    force: bool = False
    explain: str = "fast"
    profile: Path | None = None
    population: str | None = None


@dataclass(frozen=True, slots=True)
class GateReason:
    """One reason of the gate to refuse a film, or to add a note.

    Attributes:
        code: Its code, such as ``"inverted"``; see `pneumoscope.decision.gate.REASONS`.
        level: ``"note"`` or ``"refuse"``.
        sentence: The reason, for people.
        hint: What can be done about it.
    """

    code: str
    level: str
    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """Whether a film may be judged.

    Attributes:
        level: ``"ok"``, ``"note"`` or ``"refuse"``: the highest level among the reasons.
        reasons: The reasons, those of the highest level first.
        scores: Name of a measurement to its value, such as ``"distance"``.
    """

    level: str
    reasons: tuple[GateReason, ...]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the heatmap of a film explains its verdict.

    Attributes:
        mode: ``"fast"`` or ``"checked"``.
        reliable: Whether the score reaches the limit; False for a blank map.
        score: In [0, 1], from the checks.
        limit: Limit of the score, set on validation films; None if the bundle has none, and then no
            heatmap is hidden because of its score.
        checks: Name of a check to its value.
        sentence: The result of the checks, for people.
    """

    mode: str
    reliable: bool
    score: float
    limit: float | None
    checks: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding on a film, from a bundle with several findings.

    Attributes:
        name: Its name, such as ``"Effusion"``.
        probability: In [0, 1].
        threshold: The finding's threshold at the operating point.
        present: Whether the probability reaches the threshold.
        undetermined: Whether its conformal set is not exactly what ``present`` says.
        negative_below: As in `Prediction`, for this finding.
        positive_from: Likewise.
    """

    name: str
    probability: float
    threshold: float
    present: bool
    undetermined: bool = False
    negative_below: float | None = None
    positive_from: float | None = None


@dataclass(frozen=True, slots=True)
class ZoneHeat:
    """A zone of the lungs with heat.

    Attributes:
        name: ``"right upper zone"`` (of the patient), ``"left lower zone"`` and so on: thirds of each
            lung's height; without a side if the sides are not known.
        share: Share of the film's heat that is in the zone, in [0, 1].
    """

    name: str
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The result for one film. Research use, not a medical device.

    Attributes:
        label: ``"NORMAL"`` or ``positive``; ``"UNDETERMINED"`` if ``classes`` is not exactly what is
            called, or if the film is outside the population that the model knows and there is no
            site profile; ``"REFUSED"`` if the gate refuses the film. A forced verdict has neither of
            the last two. Of a refused film no output shows any of the figures below.
        called: ``"NORMAL"`` or ``positive``, at ``operating_point``, whatever the set and the gate say.
        positive: The bundle's name for a film that is not normal: ``"PNEUMONIA"`` for `children`,
            ``"ABNORMAL"`` for `adults`; other bundles have names such as ``"TUBERCULOSIS"``.
        p_positive: P(positive) = 1 - P(normal), in [0, 1], calibrated, and at ``prevalence`` if one
            was chosen; with several findings, that of the leading one.
        p_unadjusted: The same at the prevalence at which the bundle was calibrated. This is compared with
            the threshold and the conformal limits, so that neither depends on the prevalence.
        prevalence: The prevalence that was chosen, or None.
        probabilities: Class or finding to probability, in the bundle's order; those of classes sum
            to 1, with 1 - P(normal) being ``p_positive``.
        classes: The conformal set, of ``"NORMAL"`` and ``positive``: neither, one or both. If the
            bundle has no conformal scores, it is ``called``.
        error: Share of the films of either class whose set may miss it; None without sets.
        kinds: The conformal set of the kinds of disease, if the label is positive and the bundle knows
            several; it may be empty. Without conformal scores, the more probable kind.
        subtype: The kind (``"bacterial"``, ``"viral"``) if ``kinds`` has only one, otherwise None. In
            children a film alone cannot distinguish these (Andronikou 2017; PMC5922330).
        findings: All findings of a bundle with several, the leading one first: the one whose
            probability is furthest above its threshold, in logits. Empty for classes.
        operating_point: The threshold that gave the label; with several findings, the leading one's.
        heatmap: float32, (h, w), >= 0, not normalised: what each cell on the lungs adds to the odds of
            ``heatmap_class``, or Grad-CAM if the network does not look for lungs; None if it was not wanted.
        lungs: float32, (h, w), in [0, 1]: the lung field, the probability that each cell is on a lung;
            None if the bundle does not look for lungs, or ``heatmap`` is None.
        zones: Where on the lungs most of the heat is, the hottest zone first; empty unless the label
            is positive, the heatmap reliable and the lung field known.
        heatmap_class: What the heatmap explains: the negative class, the kind of disease if it is
            determined, otherwise ``positive``, whose map is that of all kinds; with several findings,
            the leading one.
        facts: What the source says about the film.
        gate: Whether the film may be judged, and if not, why.
        forced: Whether the label is shown only because a verdict was forced: the gate refuses the film, or
            it is outside the population.
        explanation: Whether the heatmap explains the verdict; None without a heatmap.
        warnings: The bundle's sentences for the reader; the gate's reasons are not among them.
        timings_ms: Step to milliseconds; ``infer`` is this film's share of its batch.
        bundle: Name and version of the bundle.
        bundle_sha256: SHA-256 of the bundle's ``bundle.json``, which contains the other files' hashes.
        profile: `SiteProfile.title` of the site profile that was applied, or None.
        population: Name of the population whose bundle judged the film; None if only one bundle was used.
        population_source: Why this one: ``"age"`` (the age in the film's header), ``"film"`` (the film
            itself) or ``"reader"`` (the reader's choice); None without a population.
        adjusted_threshold: Threshold at ``prevalence``, to compare with ``p_positive``; None without one.
        negative_below: Films are NORMAL below this ``p_positive``; 0 if none is. Between it and ``positive_from``,
            and outside the population, they are UNDETERMINED. None with several findings: each has its own.
        positive_from: Films are ``positive`` from this ``p_positive`` on; None if none is.
    """

    label: str
    called: str
    positive: str
    p_positive: float
    p_unadjusted: float
    prevalence: float | None
    probabilities: Mapping[str, float]
    classes: tuple[str, ...]
    error: float | None
    kinds: tuple[str, ...]
    subtype: str | None
    findings: tuple[Finding, ...]
    operating_point: OperatingPoint
    heatmap: NDArray[np.float32] | None
    heatmap_class: str
    facts: FilmFacts
    gate: GateReport
    forced: bool
    explanation: Explanation | None
    warnings: tuple[str, ...]
    timings_ms: Mapping[str, float]
    bundle: str
    bundle_sha256: str
    profile: str | None = None
    lungs: NDArray[np.float32] | None = None
    zones: tuple[ZoneHeat, ...] = ()
    population: str | None = None
    population_source: str | None = None
    adjusted_threshold: float | None = None
    negative_below: float | None = None
    positive_from: float | None = None

    @property
    def p_pneumonia(self) -> float:
        """The former name of `p_positive`, which the next version will not have."""
        warnings.warn("Prediction.p_pneumonia is now p_positive", DeprecationWarning, stacklevel=2)
        return self.p_positive


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One film of a batch: exactly one of ``prediction`` and ``error`` is set.

    Attributes:
        source: Name of what the caller passed (a path, or ``"<bytes>"``).
        index: Position in the caller's sequence, from 0.
        film: The decoded film, if the caller asked to keep it.
    """

    source: str
    index: int
    prediction: Prediction | None = None
    error: PneumoscopeError | None = None
    film: Radiograph | None = field(default=None, repr=False)
