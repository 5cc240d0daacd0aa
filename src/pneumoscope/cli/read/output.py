"""What ``pneumoscope predict`` prints: a table, JSON or CSV."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pneumoscope.cli.rows import Row, Styled, fit, print_rows, print_wrapped
from pneumoscope.cli.terminal import terminal
from pneumoscope.decision.explain import CHECKED
from pneumoscope.decision.gate import is_outside
from pneumoscope.decision.sentences import counted, full_sentence
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render import wording
from pneumoscope.render.export import write_csv, write_json
from pneumoscope.render.overview import summary
from pneumoscope.render.serialise import NOTICE, outcome_to_json
from pneumoscope.render.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pneumoscope.cli.read.pictures import FilmResult
    from pneumoscope.records import Outcome, Prediction

_COLOURS = {NORMAL: "green", UNDETERMINED: "yellow", REFUSED: "bright_black"}
_POPULATION = "population"


def print_results(
    results: Iterable[FilmResult],
    output: str,
    labels: Sequence[str],
    kinds_warnings: Mapping[str, str],
) -> int:
    """Prints films as they come, the table at the end.

    Args:
        results: Films in their order.
        output: ``"table"``, ``"json"`` or ``"csv"``.
        labels: Classes or findings of the bundles.
        kinds_warnings: SHA-256 of a bundle to its sentence on kinds; printed once, below the table.

    Returns:
        The exit code: 1 if a film could not be read.
    """
    if output == "table":
        return int(_print_table(results, kinds_warnings))
    failed = False

    def records() -> Iterator[dict[str, Any]]:
        nonlocal failed
        for result in results:
            failed |= result.outcome.error is not None
            yield _record(result)

    if output == "csv":
        write_csv(records(), labels, sys.stdout)
    else:
        write_json(records(), sys.stdout)
    return int(failed)


def _record(result: FilmResult) -> dict[str, Any]:
    record = outcome_to_json(result.outcome)
    for key, path in (("heatmap_file", result.heatmap), ("occlusion_file", result.occlusion)):
        if path is not None:
            record[key] = str(path)
    return record


class TableRow(NamedTuple):
    """The cells of one film; ``notes`` has one note a line."""

    film: str
    verdict: Styled
    probability: str = ""
    kind: str = ""
    notes: str = ""


def _print_table(results: Iterable[FilmResult], kinds_warnings: Mapping[str, str]) -> bool:
    """Prints the table; returns whether a film could not be read."""
    films: list[Outcome] = []
    try:
        for result in results:
            films.append(replace(result.outcome, film=None))  # its pixels are not needed
    finally:
        # After an interruption, too: the finished films are worth showing.
        _show(films, kinds_warnings)
    return any(film.error is not None for film in films)


def _show(films: Sequence[Outcome], kinds_warnings: Mapping[str, str]) -> None:
    """Prints a line for each film, what holds for all films of a bundle, and how many got each verdict.

    Args:
        films: Films in their order.
        kinds_warnings: SHA-256 of a bundle to its sentence on kinds.
    """
    out = terminal()
    predictions = [film.prediction for film in films if film.prediction is not None]
    headings = _headings(predictions)
    rows = []
    for film in films:
        row = table_row(film)
        population = wording.population(film.prediction) if film.prediction else ""
        cells = (row.film, row.verdict, row.probability, row.kind, visible(population))
        rows.append(Row(cells[: len(headings)], tuple(row.notes.splitlines())))
    footers = []
    if headings[-1] == _POPULATION and not fit(out, headings, rows):
        headings.pop()
        rows = [Row(row.cells[:-1], row.notes) for row in rows]
        footers.append(_populations(predictions))
    if not fit(out, headings, rows):
        name = headings.pop()
        rows = [
            Row(row.cells[:3], (*(f"{name}: {text}" for text in row.cells[3:] if text), *row.notes))
            for row in rows
        ]
    print_rows(out, headings, rows, right=headings[2:3])
    last = {p.bundle_sha256: p for p in predictions}
    for sha256, p in last.items():
        of_bundle = (q.warnings for q in predictions if q.bundle_sha256 == sha256)
        sentences = [
            kinds_warnings.get(sha256, ""),
            *(text for texts in of_bundle for text in texts),
        ]
        footers += _footer(p, list(dict.fromkeys(filter(None, sentences))))
    for line in [*footers, NOTICE] if predictions else []:
        print_wrapped(out, visible(line), style="dim")
    print_wrapped(out, visible(summary(films)), style="bold")


def _headings(predictions: Sequence[Prediction]) -> list[str]:
    several = bool(predictions) and all(p.findings for p in predictions)
    names = {p.positive.lower() for p in predictions}
    name = names.pop() if len(names) == 1 else "positive"
    headings = [
        "film",
        "verdict",
        "P(leading)" if several else f"P({visible(name)})",
        "findings" if several else "kind",
    ]
    return headings + [_POPULATION] * any(wording.population(p) for p in predictions)


def _populations(predictions: Sequence[Prediction]) -> str:
    """The populations whose bundles judged the films, with what chose each and for how many films."""
    films = Counter(filter(None, map(wording.population, predictions)))
    texts = [f"{text} ({counted(count, 'film')})" for text, count in films.most_common()]
    return f"Population: {'; '.join(texts)}."


def table_row(outcome: Outcome) -> TableRow:
    """One film as a row of the table."""
    name = visible(outcome.source)
    p = outcome.prediction
    if p is None:
        reason = str(outcome.error).removeprefix(f"{outcome.source}: ")
        return TableRow(name, Styled("NOT READ", "yellow"), notes=visible(reason))
    verdict = Styled(visible(wording.verdict(p)), f"bold {_COLOURS.get(p.label, 'red')}")
    if not wording.is_shown(p):
        return TableRow(name, verdict, notes="\n".join(map(visible, wording.reasons(p))))
    findings = [
        f"{f.name} ({f.probability:.2f}{', undetermined' if f.undetermined else ''})"
        for f in p.findings
        if f.present
    ]
    return TableRow(
        film=name,
        verdict=verdict,
        probability=f"{p.p_positive:.3f}",
        kind=visible(", ".join(findings) or wording.kinds(p)),
        notes="\n".join(visible(note.rstrip(".")) for note in _notes(p)),
    )


def _notes(p: Prediction) -> list[str]:
    """What the reader should know of this film; `_footer` has the sentences of its bundle."""
    notes = wording.reasons(p)
    # If the film is outside the population, the gate's reason is there already, with its hint.
    is_told = p.profile is None and is_outside(p.gate)
    if not is_told and (why := wording.why_undetermined(p)):
        notes.insert(0, why)
    if where := wording.heat_by_zone(p):
        notes.append(where)
    if p.explanation is not None and p.explanation.mode == CHECKED:
        notes.append(f"heatmap: {p.explanation.sentence}")
    return notes


def _footer(p: Prediction, warnings: Sequence[str]) -> list[str]:
    """What holds for all films of a bundle, as lines.

    Args:
        p: One of its predictions.
        warnings: Its sentences for the reader.
    """
    texts = [full_sentence(text) for text in warnings]
    if p.findings:
        texts.insert(0, "P(leading): of the finding that lies furthest above its threshold.")
    at = ""
    if p.prevalence is not None:
        at = f"; P is at a prevalence of {wording.percent(p.prevalence)}"
    site = f", site profile {p.profile}" if p.profile else ""
    head = f"{p.bundle} ({p.bundle_sha256[:12]}){site}: {wording.ranges(p)}{at}."
    return [line for line in (head, wording.promise(p), *texts) if line]
