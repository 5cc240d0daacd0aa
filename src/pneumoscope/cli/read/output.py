"""What ``pneumoscope predict`` prints: a table, JSON or CSV."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from pneumoscope.cli.terminal import console
from pneumoscope.decision.explain import CHECKED
from pneumoscope.decision.gate import is_outside
from pneumoscope.metrics import threshold_text
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED
from pneumoscope.render import wording
from pneumoscope.render.export import write_csv, write_json
from pneumoscope.render.serialise import NOTICE, outcome_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pneumoscope.cli.read.pictures import FilmResult
    from pneumoscope.records import Outcome, Prediction

_COLOURS = {NORMAL: "green", UNDETERMINED: "yellow", REFUSED: "bright_black"}


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
    """The cells of one film, with rich's markup."""

    film: str
    verdict: str
    probability: str = ""
    kind: str = ""
    notes: str = ""


def _print_table(results: Iterable[FilmResult], kinds_warnings: Mapping[str, str]) -> bool:
    """Prints the table; returns whether a film could not be read."""
    failed = False
    last: dict[str, Prediction] = {}
    rows: list[tuple[TableRow, str]] = []
    try:
        for result in results:
            failed |= result.outcome.error is not None
            kinds_warning = population = ""
            if (prediction := result.outcome.prediction) is not None:
                last[prediction.bundle_sha256] = prediction
                kinds_warning = kinds_warnings.get(prediction.bundle_sha256, "")
                population = wording.population(prediction)
            rows.append((table_row(result.outcome, kinds_warning), population))
    finally:
        # After an interruption, too: the finished films are worth showing.
        _show(rows, list(last.values()), kinds_warnings)
    return failed


def _show(
    rows: Sequence[tuple[TableRow, str]],
    last: Sequence[Prediction],
    kinds_warnings: Mapping[str, str],
) -> None:
    """Prints rows, and below them what holds for all films of a bundle.

    Args:
        rows: Rows of the table, each with its population in words or ``""``.
        last: The last prediction of each bundle.
        kinds_warnings: SHA-256 of a bundle to its sentence on kinds.
    """
    from rich.table import Table

    from pneumoscope.cli.terminal import escape

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("film", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    several = bool(last) and all(p.findings for p in last)
    names = {p.positive.lower() for p in last} or {"pneumonia"}
    name = names.pop() if len(names) == 1 else "positive"
    table.add_column("P(leading)" if several else f"P({name})", justify="right", no_wrap=True)
    table.add_column("findings" if several else "kind", overflow="fold")
    with_population = any(population for _, population in rows)
    if with_population:
        table.add_column("population", overflow="fold")
    with_notes = any(row.notes for row, _ in rows)
    if with_notes:
        table.add_column("notes", overflow="fold")
    for (*cells, notes), population in rows:
        optional = ((with_population, escape(population)), (with_notes, notes))
        table.add_row(*cells, *(text for is_column, text in optional if is_column))
    out = console()
    out.print(table)
    if last:
        *others, end = (_footer(p, kinds_warnings.get(p.bundle_sha256, "")) for p in last)
        lines = "".join(f"{footer.rstrip()}\n" for footer in others)
        out.print(f"{lines}{end}{NOTICE}", style="dim")


def table_row(outcome: Outcome, kinds_warning: str = "") -> TableRow:
    """One film as a row of the table.

    Args:
        outcome: Outcome of the film.
        kinds_warning: The bundle's sentence on kinds, which is left out of the line.
    """
    from pneumoscope.cli.terminal import escape

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
    # If the film is outside the population, the gate's reason is there already, with its hint.
    is_told = p.profile is None and is_outside(p.gate)
    if not is_told and (why := wording.why_undetermined(p)):
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
        f"{promise}{kinds}"
    )
