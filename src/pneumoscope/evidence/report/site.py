"""The page of `pneumoscope calibrate`: verdict, operating points, probabilities. No film is on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope import __version__
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.evidence.report.blocks import (
    Heading,
    Note,
    Paragraph,
    Picture,
    Points,
    Report,
    Table,
)
from pneumoscope.evidence.report.plots.style import DARK, GREY, INK, LIGHT, drawn, marks, unit_axes
from pneumoscope.evidence.report.words import read, sentence
from pneumoscope.metrics import threshold_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure as Drawing

    from pneumoscope.evidence.report.blocks import Block, Plot
    from pneumoscope.evidence.site.results import Calibrated, Probabilities


def report_of(result: Calibrated) -> Report:
    """The whole page."""
    profile = result.profile
    return Report(
        title=f"Site profile of {profile.name}",
        subtitle=f"{profile.bundle} · {profile.films:,} films of {profile.patients:,} patients · "
        f"pneumoscope {__version__} · {profile.created} · bundle SHA-256: {profile.bundle_sha256}",
        mark=f"{profile.name}, {profile.bundle} {profile.bundle_sha256[:12]}",
        blocks=tuple(_blocks(result)),
    )


def _blocks(result: Calibrated) -> Iterator[Block]:
    profile = result.profile
    kind = "read" if profile.verdict == "go" else "mind"
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
    yield read(
        f"The site's thresholds cut the site's P({_positive(result)}), the bundle's its own. Sensitivity and specificity "
        "of the site's are of films that had no part in choosing them; brackets hold 95 % intervals, by "
        "draws of patients."
    )
    head = ("point", "threshold", "sensitivity", "specificity")
    rows = []
    for one in result.points:
        sides = (str(one.sensitivity), str(one.specificity))
        rows.append((f"{one.point.name}, site's", threshold_text(one.point.threshold), *sides))
        if one.bundle_threshold is not None:
            plain = (str(one.bundle_sensitivity), str(one.bundle_specificity))
            rows.append(("… bundle's", threshold_text(one.bundle_threshold), *plain))
    default = [p.point.name for p in result.points].index(result.profile.default_operating_point)
    strong = sum(1 + (one.bundle_threshold is not None) for one in result.points[:default])
    yield Table(head, tuple(rows), strong=frozenset({strong}))
    yield Picture(
        _scores(result),
        f"The site's P({_positive(result)}) of each film, from a calibration without its patient, and the site's "
        "operating points.",
    )
    yield Paragraph(
        f"UNDETERMINED at error {DEFAULT_ERROR:.0%}, by scores of other patients: "
        f"{result.undetermined} of the films."
    )


def _probabilities(result: Calibrated) -> Iterator[Block]:
    own = result.profile.calibration
    yield Heading("Probabilities")
    yield Paragraph(
        f"The site's log odds are the bundle's times {own.scale[0]:.3f} {own.offset[0]:+.3f}. They hold where "
        f"{own.prevalence:.0%} of the films are positive, as here."
    )
    yield Picture(
        _reliability(result),
        "Mean probability and observed share of positive films, in bins with as many films each.",
    )
    rows = [
        (name, str(p.error.ece), f"{p.error.by_chance:.3f}", f"{p.error.p_value:.2f}")
        for name, p in (("bundle's", result.before), ("site's, cross-fitted", result.after))
    ]
    yield Table(("probabilities", "ECE", "by chance alone", "p"), tuple(rows))


def _carried(result: Calibrated) -> Iterator[Block]:
    if not result.carried:
        return
    yield Heading("From the older bundle to this one")
    head = (
        "point",
        "keeps",
        "old",
        "new",
        "sensitivity",
        "change",
        "specificity",
        "change",
        "label changes",
    )
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
            "(2), so that few films change little (Steyerberg et al. 2004); the films together count as "
            "many as there are patients.",
            "Cross-fitting: patients are dealt to ten parts, each judged by what the other nine say. The "
            "thresholds and the calibration of the profile are those of all films.",
            "Intervals (95 %): 2,000 draws of patients with all their films. Go: the lower ends of "
            "sensitivity and specificity reach what was asked for.",
            "The profile holds sorted numbers only: no film, no name, no identifier.",
        )
    )
    if result.broken:
        yield Points(tuple(f"{film.path}: {film.message}" for film in result.broken))


def _positive(result: Calibrated) -> str:
    (name,) = result.profile.conformal.questions
    return name.lower()


def _scores(result: Calibrated) -> Plot:
    edges = [k / 25 for k in range(26)]

    def draw(figure: Drawing) -> None:
        axes = figure.subplots()
        kinds = (
            (result.positive, "positive", LIGHT, ""),
            (~result.positive, "negative", DARK, "///"),
        )
        for own, name, colour, hatch in kinds:
            axes.hist(
                result.p[own], edges, histtype="stepfilled", facecolor=(colour, 0.5), hatch=hatch,
                edgecolor=colour, linewidth=1.2, label=f"{name} ({int(own.sum())})",
            )  # fmt: skip
        for i, one in enumerate(result.points):
            axes.axvline(
                one.point.threshold, color=INK, linewidth=1.3, linestyle=("-", "--", ":", "-.")[i % 4],
                label=f"{one.point.name}, {one.point.threshold:.3f}",
            )  # fmt: skip
        axes.set(xlim=(0, 1), xlabel=f"P({_positive(result)})", ylabel="films")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return drawn("site-scores", 6.9, 2.7, draw)


def _reliability(result: Calibrated) -> Plot:
    def draw(figure: Drawing) -> None:
        sides = figure.subplots(1, 2)
        pairs = (("the bundle's", result.before), ("the site's, cross-fitted", result.after))
        for axes, (title, own) in zip(sides, pairs, strict=True):
            _reliability_of(axes, own)
            axes.set_title(f"{title}\nECE {own.error.ece.value:.3f}", fontsize=9)

    return drawn("site-reliability", 6.9, 3.7, draw)


def _reliability_of(axes: Any, own: Probabilities) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1.2, label="perfect")
    marks(axes, [b.predicted for b in own.bins], [b.observed for b in own.bins], label="films")
    unit_axes(axes, "mean probability", "observed share")
    axes.legend(loc="upper left")
