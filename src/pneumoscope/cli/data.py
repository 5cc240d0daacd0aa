"""``pneumoscope data``."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from pneumoscope.cli import console
from pneumoscope.cli.progress import progress_bar

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.data.check import Report, Twin

_SHOWN = 10  # duplicates in the table; --json has all


def check(folder: Path, task: str | None, *, as_json: bool) -> int:
    """Prints what is in a data folder; the exit code is 1 if a film is broken."""
    from pneumoscope.data import check as checking

    with progress_bar("reading films") as progress:
        found = checking.check(folder, task, progress)
    for film in found.broken:
        sys.stderr.write(f"error: {film.message}\nhint: {film.hint}\n")
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    else:
        _print(found)
    return 1 if found.broken else 0


def download(source: Path | None, target: Path, *, as_json: bool) -> None:
    """Brings a data set to its place, and says how to use it."""
    from pneumoscope.data import obtain as obtaining

    with progress_bar("copying", as_bytes=True) as progress:
        done = obtaining.obtain(source, target, progress)
    place = done.folder.resolve()
    for warning in done.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    if as_json:
        facts = {"folder": str(place), "films": done.films, "warnings": list(done.warnings)}
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
        return
    for name, count in sorted(done.films.items()):
        sys.stdout.write(f"{name}: {count:,} films\n")
    sys.stdout.write(
        f"Hashes: {place / obtaining.SUMS}\nNow set: export PNEUMOSCOPE_DATA={shlex.quote(str(place))}\n"
    )


def _print(found: Report) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    out.print(f"{escape(found.source)} ({found.layout}, {found.task})", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("split")
    for name in ("films", "patients", *found.names):
        table.add_column(escape(name), justify="right")
    for split, films in found.films.items():
        patients = found.patients[split]
        counts = (f"{found.counts[split][name]:,}" for name in found.names)
        table.add_row(split, f"{films:,}", "?" if patients is None else f"{patients:,}", *counts)
    out.print(table)
    exact = [twin for twin in found.twins if twin.exact]
    near = [twin for twin in found.twins if not twin.exact]
    out.print(f"broken films: {len(found.broken):,}")
    for word, twins in (("exact duplicates", exact), ("near duplicates", near)):
        kinds = ", ".join(
            f"{sum(kind in twin.across for twin in twins):,} across {plural}"
            for kind, plural in (("split", "splits"), ("class", "classes"), ("patient", "patients"))
        )
        out.print(f"{word}: {len(twins):,} groups" + (f" ({kinds})" if twins else ""))
    # Those that cross a border matter most.
    shown = sorted(found.twins, key=lambda twin: -len(twin.across))[:_SHOWN]
    for twin in shown:
        out.print(f"  {escape(_line(twin))}", soft_wrap=True)
    if len(found.twins) > len(shown):
        out.print(f"  and {len(found.twins) - len(shown):,} more: --json lists all")
    for warning in found.warnings:
        out.print(f"warning: {escape(warning)}", soft_wrap=True)


def _line(twin: Twin) -> str:
    kind = "same pixels" if twin.exact else f"alike {twin.correlation:.3f}"
    crossing = f", across {' and '.join(twin.across)}" if twin.across else ""
    return f"{' = '.join(twin.paths)} ({kind}{crossing})"
