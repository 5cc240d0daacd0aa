"""The page of `pneumoscope calibrate`: verdict, operating points, probabilities. It shows no film."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.profile import GO
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.blocks import Heading, Note, Paragraph, Picture, Points, Table
from pneumoscope.evidence.report.plots import discrimination
from pneumoscope.evidence.report.plots.calibration import reliability
from pneumoscope.evidence.report.profile_page import profile_page
from pneumoscope.evidence.report.words import how_to_read, sentence
from pneumoscope.metrics import threshold_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.evidence.report.blocks import Block, Report
    from pneumoscope.evidence.site.results import Calibrated


def report_of(result: Calibrated) -> Report:
    """The whole page."""
    profile = result.profile
    return profile_page(
        profile,
        f"Site profile of {profile.name}",
        f"{counted(profile.films, 'film')} of {counted(profile.patients, 'patient')}",
        _blocks(result),
    )


def _blocks(result: Calibrated) -> Iterator[Block]:
    profile = result.profile
    kind = "read" if profile.verdict == GO else "mind"
    yield Note(profile.verdict.upper() + ".", " ".join(map(sentence, profile.reasons)), kind)
    classes = ", ".join(f"{n:,} {name}" for name, n in profile.classes.items())
    yield Paragraph(f"Films: {classes}; {result.refused:.1%} of them refused by the gate.")
    if result.warnings:
        yield Points(tuple(map(sentence, result.warnings)))
    yield from _points(result)
    yield from _probabilities(result)
    yield from _carried(result)
    yield from _method(result)


def _points(result: Calibrated) -> Iterator[Block]:
    yield Heading("Operating points")
    yield how_to_read(
        f"The site's thresholds apply to the site's P({_positive(result)}), those of the bundle to the bundle's own. "
        "Sensitivity and specificity at the site's thresholds come from films that had no part in choosing them. "
        "Brackets: 95 % intervals from draws of patients."
    )
    head = ("point", "threshold", "sensitivity", "specificity")
    rows: list[tuple[str, ...]] = []
    strong = 0
    for at in result.points:
        if at.point.name == result.profile.default_operating_point:
            strong = len(rows)
        sides = (str(at.sensitivity), str(at.specificity))
        rows.append((f"{at.point.name}, site's", threshold_text(at.point.threshold), *sides))
        if at.bundle_threshold is not None:
            sides = (str(at.bundle_sensitivity), str(at.bundle_specificity))
            rows.append(("… bundle's", threshold_text(at.bundle_threshold), *sides))
    yield Table(head, tuple(rows), strong=frozenset({strong}))
    yield Picture(
        discrimination.scores(
            "site-scores",
            discrimination.Scores("positive", result.p[result.positive]),
            discrimination.Scores("negative", result.p[~result.positive]),
            [(at.point.name, at.point.threshold) for at in result.points],
            question=_positive(result),
        ),
        f"The site's P({_positive(result)}) of each film, from a calibration without its patient, and the site's "
        "operating points.",
    )
    yield Paragraph(
        f"UNDETERMINED at error {DEFAULT_ERROR:.0%}, with scores of other patients: "
        f"{result.undetermined} of the films."
    )


def _probabilities(result: Calibrated) -> Iterator[Block]:
    calibration = result.profile.calibration
    yield Heading("Probabilities")
    yield Paragraph(
        f"The site's log odds are the bundle's times {calibration.scale[0]:.3f} {calibration.offset[0]:+.3f}. They "
        f"are valid where {calibration.prevalence:.0%} of the films are positive, as here."
    )
    sides = (("bundle's", result.before), ("site's, cross-fitted", result.after))
    yield Picture(
        reliability(
            "site-reliability", [(name, side.bins, side.error.ece) for name, side in sides]
        ),
        "Mean probability and observed share of positive films, in bins with equal numbers of films.",
    )
    rows = [
        (
            name,
            str(side.error.ece),
            f"{side.error.by_chance:.3f}",
            f"{side.error.p_value:.2f}",
        )
        for name, side in sides
    ]
    yield Table(("probabilities", "ECE", "by chance alone", "p"), tuple(rows))


def _carried(result: Calibrated) -> Iterator[Block]:
    if not result.carried:
        return
    yield Heading("From the older bundle to this one")
    head = (
        "point", "keeps", "old", "new", "sensitivity", "change", "specificity", "change",
        "label changes",
    )  # fmt: skip
    rows = tuple(
        (
            c.name, c.keeps, threshold_text(c.old_threshold), threshold_text(c.new_threshold),
            str(c.old_sensitivity), str(c.sensitivity_change), str(c.old_specificity),
            str(c.specificity_change), str(c.changed),
        )
        for c in result.carried
    )  # fmt: skip
    yield Table(head, rows, words=frozenset({1, 4, 5, 6, 7, 8}), widths=(2, 2, 1, 1, 3, 3, 3, 3, 3))


def _method(result: Calibrated) -> Iterator[Block]:
    yield Heading("How this was measured")
    yield Points(
        (
            "Scale and offset by penalised likelihood: normal priors around 1 (standard deviation 0.5) and 0 "
            "(2), so that few films change little (Steyerberg et al. 2004). All films together weigh as much "
            "as there are patients.",
            "Cross-fitting: patients are divided into ten parts. Each part is judged by a fit to the other "
            "nine. The thresholds and the calibration of the profile are fitted to all films.",
            "Intervals (95 %): 2,000 draws of patients with all their films. Go: the lower ends of "
            "sensitivity and specificity reach the required values.",
            "The profile contains sorted numbers only: no film, no name, no identifier.",
        )
    )
    if result.broken:
        yield Points(tuple(f"{film.path}: {film.message}" for film in result.broken))


def _positive(result: Calibrated) -> str:
    (name,) = result.profile.conformal.questions
    return name.lower()
