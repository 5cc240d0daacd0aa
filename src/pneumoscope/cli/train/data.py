"""``pneumoscope data``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import Bundle, Json, masks_option
from pneumoscope.cli.progress import progress_bar
from pneumoscope.cli.terminal import console, plain_table, print_json, print_table, report_films
from pneumoscope.cli.train.options import Negative
from pneumoscope.decision.sentences import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from pneumoscope.data.check import Report, Twin

app = typer.Typer(help="Get training films and check them.", no_args_is_help=True)

Folder = Annotated[
    Path,
    typer.Argument(
        envvar="PNEUMOSCOPE_DATA",
        metavar="DIR",
        help="Folder or ZIP of films in any layout that training reads, or a CSV manifest.",
    ),
]
Task = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Task: binary, multiclass or multilabel; by default it follows from the labels.",
    ),
]
Source = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="DIR|ZIP",
        help="Folder or ZIP file of this set or another; by default the set is downloaded from Kaggle.",
    ),
]
Target = Annotated[
    Path,
    typer.Option(
        "--to", envvar="PNEUMOSCOPE_DATA", metavar="DIR", help="New folder for the films."
    ),
]

Folders = Annotated[
    list[str],
    typer.Argument(
        metavar="DIR|NAME=DIR...",
        help="Folders of films in any layout, or manifests; NAME is the source of films that have none.",
    ),
]
Masks = Annotated[list[Path] | None, masks_option()]
Written = Annotated[Path, typer.Option("--to", metavar="FILE", help="The new manifest (.csv).")]

_SHOWN = 10  # duplicates in the table; --json has all


@app.command(epilog="Example: pneumoscope data check chest_xray --json > report.json")
def check(folder: Folder, json: Json = False, task: Task = None, negative: Negative = None) -> None:
    """Check a data folder: classes, broken films, duplicates, patients.

    Reads every film. The exit code is 1 if a film cannot be read.
    """
    from pneumoscope.data import check as checking
    from pneumoscope.data.packed import data_folder

    with data_folder(folder) as root, progress_bar("reading films") as progress:
        report = checking.check(root, task, progress, negative or "")
    report_films(report.broken)
    if json:
        print_json(asdict(report), indent=2)
    else:
        _print(report)
    sys.exit(1 if report.broken else 0)


@app.command(epilog="Example: pneumoscope data download --from archive.zip --to chest_xray")
def download(
    source: Source = None, target: Target = Path("chest_xray"), json: Json = False
) -> None:
    """Download the Kaggle set chest-xray-pneumonia.

    With --from, copy or unpack a set that you have. Writes a file with SHA-256
    sums.
    """
    import shlex

    from pneumoscope.data import obtain as obtaining

    with progress_bar("copying", as_bytes=True) as progress:
        obtained = obtaining.obtain(source, target, progress)
    place = obtained.folder.resolve()
    for warning in obtained.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    if json:
        facts = {"folder": str(place), "films": obtained.films}
        print_json(facts | {"warnings": list(obtained.warnings)}, indent=2)
        return
    for name, count in sorted(obtained.films.items()):
        sys.stdout.write(f"{name}: {counted(count, 'film')}\n")
    sys.stdout.write(
        f"Hashes: {place / obtaining.SUMS}\nNow set: export PNEUMOSCOPE_DATA={shlex.quote(str(place))}\n"
    )


@app.command(
    epilog="Example: pneumoscope data manifest children=chest_xray hospitals --masks lungs --to all.csv"
)
def manifest(
    folders: Folders,
    target: Written = Path("manifest.csv"),
    masks: Masks = None,
    json: Json = False,
) -> None:
    """Write the films of several folders as one CSV manifest.

    Every film gets its class, patient and source (hospital or collection), and
    its lung mask if there is one. Films for testing stay films for testing.
    Training, evaluation and audit read the manifest as they read a folder.
    """
    from pneumoscope.data import manifests

    films = manifests.collect([_named(folder) for folder in folders], masks or ())
    manifests.write_collected(films, target)
    for warning in films.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    masked = sum(entry.mask is not None for entry in films.entries)
    if json:
        facts = {"manifest": str(target), "films": len(films.entries), "masks": masked}
        print_json(facts | {"sources": films.counts, "warnings": list(films.warnings)}, indent=2)
        return
    print_table(console(), _by_source(films.counts, films.names))
    sys.stdout.write(
        f"{target}: {counted(len(films.entries), 'film')}, {masked:,} with a lung mask\n"
    )


MaskFolder = Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder for the masks.")]


@app.command(
    epilog="Example: pneumoscope data masks hospitals --bundle runs/lungs/bundle --to masks"
)
def masks(
    folder: Folder,
    bundle: Bundle = None,
    target: MaskFolder = Path("masks"),
    json: Json = False,
) -> None:
    """Draw lung masks with a bundle whose network looks for lungs.

    Each film gets a mask with its path: NORMAL/a.png for NORMAL/a.jpeg. Films
    that have a mask already are left out. Look at some before you train on them.
    The exit code is 1 if a film cannot be read.
    """
    from pneumoscope.bundle import open_bundle
    from pneumoscope.data import find
    from pneumoscope.data.packed import data_folder
    from pneumoscope.runtime import load
    from pneumoscope.runtime.lung_masks import draw_masks

    with data_folder(folder) as root, progress_bar("drawing masks") as progress:
        films = [(e.name, e.path) for e in find(root).entries if e.mask is None]
        drawn = draw_masks(load(open_bundle(bundle_or_first(bundle))), films, target, progress)
    for name, reason in drawn.unreadable:
        sys.stderr.write(f"error: {name}: {reason}\n")
    if json:
        print_json(
            {
                "folder": str(target),
                "written": drawn.written,
                "no_lungs": list(drawn.empty),
                "unreadable": dict(drawn.unreadable),
            },
            indent=2,
        )
    else:
        sys.stdout.write(
            f"{target}: {counted(drawn.written, 'mask')}; "
            f"no lungs seen on {counted(len(drawn.empty), 'film')}\n"
        )
    sys.exit(1 if drawn.unreadable else 0)


def _named(folder: str) -> tuple[str, Path]:
    """Source and folder of ``NAME=DIR`` or ``DIR``."""
    name, sign, rest = folder.partition("=")
    if sign and not Path(folder).exists():
        return name, Path(rest)
    return "", Path(folder)


def _by_source(counts: Mapping[str, Mapping[str, int]], names: Sequence[str]) -> Table:
    from pneumoscope.cli.terminal import escape

    columns = [escape(name) for name in names]
    table = plain_table("source", *columns, right=columns)
    for source, films in counts.items():
        table.add_row(escape(source), *(f"{films.get(name, 0):,}" for name in names))
    return table


def _print(report: Report) -> None:
    from pneumoscope.cli.terminal import escape

    out = console()
    out.print(f"{escape(report.source)} ({report.layout}, {report.task})", soft_wrap=True)
    counts = ("films", "patients", *map(escape, report.names))
    table = plain_table("split", *counts, right=counts)
    for split, films in report.films.items():
        patients = report.patients[split]
        by_name = (f"{report.counts[split][name]:,}" for name in report.names)
        table.add_row(split, f"{films:,}", "?" if patients is None else f"{patients:,}", *by_name)
    print_table(out, table)
    if report.sources:
        print_table(out, _by_source(report.sources, report.names))
    if report.masks or report.boxes:
        out.print(
            f"films with a lung mask: {report.masks:,}; with readers' boxes: {report.boxes:,}"
        )
    exact = [twin for twin in report.twins if twin.exact]
    near = [twin for twin in report.twins if not twin.exact]
    out.print(f"broken films: {len(report.broken):,}")
    for word, twins in (("exact duplicates", exact), ("near duplicates", near)):
        kinds = ", ".join(
            f"{sum(kind in twin.across for twin in twins):,} across {plural}"
            for kind, plural in (("split", "splits"), ("class", "classes"), ("patient", "patients"))
        )
        out.print(f"{word}: {len(twins):,} groups" + (f" ({kinds})" if twins else ""))
    # Duplicates across splits, classes or patients matter most.
    shown = sorted(report.twins, key=lambda twin: -len(twin.across))[:_SHOWN]
    for twin in shown:
        out.print(f"  {escape(_line(twin))}", soft_wrap=True)
    if len(report.twins) > len(shown):
        out.print(f"  and {len(report.twins) - len(shown):,} more: --json lists all")
    for warning in report.warnings:
        out.print(f"warning: {escape(warning)}", soft_wrap=True)


def _line(twin: Twin) -> str:
    kind = "same pixels" if twin.exact else f"alike {twin.correlation:.3f}"
    crossing = f", across {' and '.join(twin.across)}" if twin.across else ""
    return f"{' = '.join(twin.paths)} ({kind}{crossing})"
