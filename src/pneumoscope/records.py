"""The values that travel through pneumoscope: frozen, without behaviour that needs a model.

Arrays inside records are read-only by convention and never compared: records have identity
equality, because comparing films pixel by pixel is never what a caller means.
"""

from __future__ import annotations

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
PNEUMONIA = "PNEUMONIA"
ABNORMAL = "ABNORMAL"
"""The verdict of a bundle that knows several diseases."""
UNDETERMINED = "UNDETERMINED"
"""The verdict where the films of the validation patients do not support a single class."""
REFUSED = "REFUSED"
"""In place of a verdict, where the gate says that the film cannot be judged."""
NO_EXPLANATION = "no reliable explanation"
"""In place of a heatmap whose score is below the limit."""
TASKS = ("binary", "multiclass", "multilabel")
"""What a network tells apart: two classes, several classes, or several findings on one film."""


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """What a source says of itself; ``None`` where it is silent. Never a name or an identifier.

    Attributes:
        format: ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ``"BMP"``, ``"WEBP"`` or ``"DICOM"``.
        rows: Height of the stored film in pixels, after EXIF orientation.
        columns: Width of the stored film in pixels, after EXIF orientation.
        bits: Bits that one stored sample uses.
        colour: True if the stored film is in colour and its channels really differ.
        tint: Mean difference of red or blue from green, in [0, 1]; 0 if ``colour`` is False.
        reduced_by: Factor by which the decoder shrank the film (1, 2, 4 or 8).
        modality: DICOM Modality (0008,0060), such as ``"CR"``.
        view_position: DICOM View Position (0018,5101), such as ``"AP"``.
        body_part: DICOM Body Part Examined (0018,0015), such as ``"CHEST"``.
        row_direction: Whereto a row runs, the first value of DICOM Patient Orientation (0020,0020),
            such as ``"L"``, the patient's left, on an upright frontal film.
        laterality: DICOM Image Laterality (0020,0062) or Laterality (0020,0060).
        age_years: Patient's Age (0010,1010) in years; months, weeks and days as a fraction.
        pixel_spacing_mm: (row spacing, column spacing) in mm at the stored size, from Pixel
            Spacing (0028,0030), else Imager Pixel Spacing (0018,1164).
        photometric: DICOM Photometric Interpretation (0028,0004).
        transfer_syntax: DICOM Transfer Syntax UID (0002,0010).
    """

    format: str
    rows: int
    columns: int
    bits: int = 8
    colour: bool = False
    tint: float = 0.0
    reduced_by: int = 1
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
        """From the values that went through JSON, where a tuple becomes a list.

        Raises:
            TypeError, ValueError: These are no such values.
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
        facts: What the source says of itself.
        levels: uint8 (rows, columns), ``pixels`` times 255, if the source holds 8-bit grey: spares
            the way to float32 and back.
    """

    pixels: NDArray[np.float32]
    facts: FilmFacts
    levels: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Population:
    """Whom the training films show; films of others carry a note.

    Attributes:
        text: One sentence for people, without its full stop.
        age_years: (youngest, oldest), inclusive; None if nobody knows.
        views: DICOM View Position values; empty if nobody knows.
    """

    text: str
    age_years: tuple[float, float] | None
    views: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A named threshold, chosen on validation films.

    Attributes:
        name: Such as ``"balanced"``.
        threshold: P(pneumonia) at or above it is called PNEUMONIA (of other bundles: their
            positive name); in (0, 1).
        rule: How it was chosen, in words.
        finding: The finding whose probability it cuts, where a bundle knows several findings; None
            where a film has one class.
    """

    name: str
    threshold: float
    rule: str
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a reader asks of a classifier.

    Attributes:
        operating_point: Name of the threshold for the label; None for the bundle's default.
        error: Share of the films of either class whose conformal set may miss the true class, in
            (0, 1); None for 5 %, or for no sets if the bundle has no scores to make them of.
        prevalence: Share of films with pneumonia where the films come from, in (0, 1), to which
            the shown probability is corrected; None for the prevalence of the validation films.
        force: Give the verdict even if the gate refuses the film; it is marked.
        explain: ``"none"``, ``"fast"`` (the heatmap, and what one run of the network tells of it)
            or ``"checked"`` (also runs the network on covered and shifted copies), see
            `pneumoscope.decision.explain`.
        profile: Site profile that `pneumoscope calibrate` wrote, a file; None for the bundle as it
            is. Its prevalence holds where none is given here.
    """

    operating_point: str | None = None
    error: float | None = None
    prevalence: float | None = None
    force: bool = False
    explain: str = "fast"
    profile: Path | None = None


@dataclass(frozen=True, slots=True)
class GateReason:
    """One thing that the gate found.

    Attributes:
        code: Such as ``"inverted"``; see `pneumoscope.decision.gate.REASONS`.
        level: ``"note"`` or ``"refuse"``.
        sentence: What was found, for people.
        hint: What would mend it.
    """

    code: str
    level: str
    sentence: str
    hint: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """Whether a film may be judged.

    Attributes:
        level: ``"ok"``, ``"note"`` or ``"refuse"``: the gravest of the reasons.
        reasons: What was found, the gravest first.
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
        limit: Set on validation films; None if the bundle has none, then nothing is hidden.
        checks: Name of a check to its value.
        sentence: For people.
    """

    mode: str
    reliable: bool
    score: float
    limit: float | None
    checks: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a bundle for several findings says of one of them.

    Attributes:
        name: Such as ``"Effusion"``.
        probability: In [0, 1].
        threshold: Its own, at the operating point.
        present: Whether the probability reaches the threshold.
        undetermined: Whether its conformal set does not hold exactly what ``present`` says.
    """

    name: str
    probability: float
    threshold: float
    present: bool
    undetermined: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the model says of one film. Research use, not a medical device.

    Attributes:
        label: ``"NORMAL"`` or ``positive``; ``"UNDETERMINED"`` if ``classes`` is not exactly what is
            called; ``"REFUSED"`` if the gate refuses the film and nobody forced a verdict. Then no
            output shows any of the figures below.
        called: ``"NORMAL"`` or ``positive``, at ``operating_point``, whatever the set and the gate say.
        positive: What the bundle calls a film that is not normal: ``"PNEUMONIA"`` for the shipped
            one, such as ``"TUBERCULOSIS"`` or ``"ABNORMAL"`` for others.
        p_positive: P(positive) = 1 - P(normal), in [0, 1], calibrated, and at ``prevalence`` if that
            was asked for; of several findings, that of the leading one.
        p_unadjusted: The same at the prevalence of the validation films: what is compared with
            the threshold and with the conformal limits, so that neither moves with prevalence.
        prevalence: What was asked for; None if nothing was.
        probabilities: Class or finding to probability, in the bundle's order; those of classes sum
            to 1, with 1 - P(normal) being ``p_positive``.
        classes: The conformal set, of ``"NORMAL"`` and ``positive``: neither, one or both. Without
            scores in the bundle what is called.
        error: Share of the films of either class whose set may miss it; None without sets.
        kinds: The conformal set of the kinds of disease, if the label is positive and the bundle knows
            several; empty too if none conforms. Without scores the likelier one.
        subtype: The one kind (``"bacterial"``, ``"viral"``) in ``kinds``, else None. In children a film
            alone cannot tell these apart (Andronikou 2017; PMC5922330).
        findings: Of a bundle for several findings all of them, the leading one first: that whose
            probability lies furthest above its threshold, in logits. Empty for classes.
        operating_point: The threshold that gave the label; of several findings, the leading one's.
        heatmap: float32, (h, w), >= 0: Grad-CAM of ``heatmap_class``, not normalised. None if none
            was asked for.
        heatmap_class: The class that the heatmap explains: the likelier positive one, or the
            negative one; the leading finding.
        facts: What the source says of itself.
        gate: Whether the film may be judged, and why not.
        forced: Whether the gate refuses the film and a verdict was asked for all the same.
        explanation: Whether the heatmap explains the verdict; None without a heatmap.
        warnings: Sentences for the reader, such as an age outside the training population; what the
            gate found is not among them.
        timings_ms: Step to milliseconds; ``infer`` is this film's share of its batch.
        bundle: Name and version of the bundle.
        bundle_sha256: SHA-256 of the bundle's ``bundle.json``, which holds the other files' hashes.
        profile: `SiteProfile.title` of the site profile that was applied, or None.
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

    @property
    def p_pneumonia(self) -> float:
        """The former name of `p_positive`; the next version will not have it."""
        warnings.warn("Prediction.p_pneumonia is now p_positive", DeprecationWarning, stacklevel=2)
        return self.p_positive


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One film of a batch: exactly one of ``prediction`` and ``error`` is set.

    Attributes:
        source: What the caller asked for, by name (a path, or ``"<bytes>"``).
        index: Position in the caller's sequence, from 0.
        film: The decoded film, if the caller asked to keep it.
    """

    source: str
    index: int
    prediction: Prediction | None = None
    error: PneumoscopeError | None = None
    film: Radiograph | None = field(default=None, repr=False)
