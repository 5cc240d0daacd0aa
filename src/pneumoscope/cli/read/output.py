"""What ``pneumoscope predict`` prints: a table, JSON or CSV."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from pneumoscope.cli.terminal import console
from pneumoscope.decision.explain import CHECKED
from pneumoscope.metrics import threshold_text
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render import wording
from pneumoscope.render.export import write_csv, write_json
from pneumoscope.render.serialise import NOTICE, outcome_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pneumoscope.cli.read.pictures import FilmResult
    from pneumoscope.records import Outcome, Prediction

_COLOURS = {NORMAL: "green", UNDETERMINED: "yellow", REFUSED: "bright_black"}


def print_results(
    results: Iterable[FilmResult], output: str, labels: Sequence[str], kinds_warning: str
) -> int:
    """Prints films as they come, the table at the end.

    Args:
        results: Films in their order.
        output: ``"table"``, ``"json"`` or ``"csv"``.
        labels: Classes or findings of the bundle.
        kinds_warning: The bundle's sentence on kinds, or ``""``; printed once, below the table.

    Returns:
        The exit code: 1 if a film could not be read.
    """
    if output == "table":
        return int(_print_table(results, kinds_warning))
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
    """The cells of one film, with rich's markup."""

    film: str
    verdict: str
    probability: str = ""
    kind: str = ""
    notes: str = ""


def _print_table(results: Iterable[FilmResult], kinds_warning: str) -> bool:
    """Prints the table; returns whether a film could not be read."""
    failed, last = False, None
    rows: list[TableRow] = []
    try:
        for result in results:
            failed |= result.outcome.error is not None
            last = result.outcome.prediction or last
            rows.append(table_row(result.outcome, kinds_warning))
    finally:
        # After an interruption, too: the finished films are worth showing.
        _show(rows, last, kinds_warning)
    return failed


def _show(rows: Sequence[TableRow], last: Prediction | None, kinds_warning: str) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("film", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    several = last is not None and bool(last.findings)
    name = last.positive.lower() if last else "pneumonia"
    table.add_column("P(leading)" if several else f"P({name})", justify="right", no_wrap=True)
    table.add_column("findings" if several else "kind", overflow="fold")
    with_notes = any(row.notes for row in rows)
    if with_notes:
        table.add_column("notes", overflow="fold")
    for row in rows:
        table.add_row(*row if with_notes else row[:-1])
    out = console()
    out.print(table)
    if last is not None:
        out.print(_footer(last, kinds_warning), style="dim")


def table_row(outcome: Outcome, kinds_warning: str = "") -> TableRow:
    """One film as a row of the table.

    Args:
        outcome: Outcome of the film.
        kinds_warning: The bundle's sentence on kinds, which is left out of the line.
    """
    from rich.markup import escape

    name = escape(outcome.source)
    p = outcome.prediction
    if p is None:
        reason = str(outcome.error).removeprefix(f"{outcome.source}: ")
        return TableRow(name, "[yellow]NOT READ[/]", notes=escape(reason))
    verdict = f"[bold {_COLOURS.get(p.label, 'red')}]{wording.verdict(p)}[/]"
    if not wording.is_shown(p):
        return TableRow(name, verdict, notes=escape(" ".join(wording.reasons(p))))
    findings = [
        f"{f.name} ({f.probability:.2f}{', undetermined' if f.undetermined else ''})"
        for f in p.findings
        if f.present
    ]
    return TableRow(
        film=name,
        verdict=verdict,
        probability=f"{p.p_positive:.3f}",
        kind=escape(", ".join(findings) or wording.kinds(p)),
        notes=escape("; ".join(note.rstrip(".") for note in _notes(p, kinds_warning))),
    )


def _notes(p: Prediction, kinds_warning: str) -> list[str]:
    notes = [*wording.reasons(p), *(w for w in p.warnings if w != kinds_warning)]
    if why := wording.why_undetermined(p):
        notes.insert(0, why)
    if where := wording.heat_by_zone(p):
        notes.append(where)
    if p.explanation is not None and p.explanation.mode == CHECKED:
        notes.append(f"heatmap: {p.explanation.sentence}")
    return notes


def _footer(p: Prediction, kinds_warning: str) -> str:
    point = p.operating_point
    kinds = ""
    if kinds_warning:
        kinds = f"{kinds_warning[0].upper()}{kinds_warning[1:]}. "
    limit = f"from {threshold_text(point.threshold)}"
    if p.findings:
        limit = "where a finding reaches its own threshold"
        kinds = "P(leading): of the finding that lies furthest above its threshold. "
    if p.prevalence is not None:
        limit += f" of the unadjusted probability; P is at a prevalence of {wording.percent(p.prevalence)}"
    site = f", site profile {p.profile}" if p.profile else ""
    promise = f"{wording.promise(p)}\n" if p.error is not None else ""
    return (
        f"{p.bundle} ({p.bundle_sha256[:12]}){site}, operating point {point.name}: {p.positive} {limit}.\n"
        f"{promise}{kinds}{NOTICE}"
    )
