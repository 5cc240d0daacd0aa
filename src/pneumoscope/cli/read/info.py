"""``pneumoscope info``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import Json, reader_option
from pneumoscope.cli.terminal import console, print_json, print_table
from pneumoscope.decision.reader_settings import ONE_BUNDLE

if TYPE_CHECKING:
    from pneumoscope.runtime import Classifier

EXAMPLE = "Example: pneumoscope info --json"

Bundle = Annotated[Path | None, reader_option(ONE_BUNDLE)]
Card = Annotated[bool, typer.Option("--card", help="Print the complete model card.")]
Check = Annotated[
    bool,
    typer.Option("--check", help="Run the golden inputs and compare the results."),
]

_PACKAGES = ("numpy", "pillow", "pydicom", "onnxruntime")


def info(
    bundle: Bundle = None, json: Json = False, card: Card = False, check: Check = False
) -> None:
    """Show a bundle with its figures and operating points, and the versions and providers in use."""
    if card and (json or check):
        raise typer.BadParameter("--card goes with neither --json nor --check")
    from pneumoscope import runtime
    from pneumoscope.bundle import CARD, open_bundle

    classifier = runtime.load(open_bundle(bundle_or_first(bundle)))
    if card:
        sys.stdout.write((classifier.bundle.path / CARD).read_text(encoding="utf-8"))
        return
    facts = _facts(classifier)
    if check:
        facts["golden_max_dp"] = classifier.check()
    if json:
        print_json(facts, indent=2)
    else:
        _print(facts)


def _facts(classifier: Classifier) -> dict[str, Any]:
    import platform
    from importlib import metadata

    from pneumoscope.render.bundle_facts import bundle_facts
    from pneumoscope.render.serialise import NOTICE

    return bundle_facts(classifier) | {
        "bundle_path": str(classifier.bundle.path),
        "providers": list(classifier.providers),
        "threads": classifier.threads,
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in _PACKAGES},
        "notice": NOTICE,
    }


def _print(facts: dict[str, Any]) -> None:
    from rich.table import Table

    from pneumoscope.cli.terminal import escape

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")

    def add(name: str, text: str) -> None:
        table.add_row(name, escape(text))

    add("pneumoscope", facts["pneumoscope"])
    add("bundle", f"{facts['bundle']} ({facts['bundle_path']})")
    add("SHA-256", facts["bundle_sha256"])
    several = facts["task"] == "multilabel"
    add("findings" if several else "classes", ", ".join(facts["labels"]))
    add("input", f"{facts['input_px']} x {facts['input_px']} pixels")
    for point in facts["operating_points"]:
        mark = " (default)" if point["name"] == facts["default_operating_point"] else ""
        add(f"{point['name']}{mark}", _of_point(point, facts))
    add("probabilities", facts["probabilities"])
    add("undetermined", facts["undetermined"])
    add("gate", facts["gate"])
    add("population", facts["population"]["text"])
    for name, figure in _headline(facts["validation"]).items():
        add(name, figure)
    if "golden_max_dp" in facts:
        add("golden check", f"passed, largest |dp| {facts['golden_max_dp']:.1e}")
    add("providers", f"{', '.join(facts['providers'])}, {facts['threads']} threads")
    add("versions", ", ".join(f"{k} {v}" for k, v in facts["versions"].items()))
    out = console()
    print_table(out, table)
    out.print(f"{facts['notice']} The whole model card: pneumoscope info --card", style="dim")


def _of_point(point: dict[str, Any], facts: dict[str, Any]) -> str:
    """The verdicts at an operating point, or those on one finding, and what it was chosen for."""
    from pneumoscope.decision.ranges import Ranges
    from pneumoscope.render import wording

    ranges = Ranges(point["negative_below"], point["positive_from"])
    if point["finding"] is not None:
        text = f"{point['finding']} {wording.of_finding(ranges)}"
    else:
        text = wording.of_verdicts(ranges, facts["positive"])
    error = facts["default_error"]
    at = "" if error is None or ranges.unclear is None else f" at error {wording.percent(error)}"
    return f"{text}{at}: {point['rule']}"


def _headline(validation: dict[str, Any]) -> dict[str, str]:
    """The figures that people ask for first, with their intervals."""
    from pneumoscope.metrics import interval_text as text

    if "macro_auc" in validation:
        mean, bad = validation["macro_auc"], validation["worst"]
        return {
            "validation AUC": f"{text(mean)}, mean over findings; worst perturbation {text(bad)} "
            f"({bad['condition']})"
        }
    if "plain" not in validation:
        return {}
    plain, worst = validation["plain"], validation["worst"]
    return {
        "validation AUC": f"{text(plain['auc'])}, worst perturbation {text(worst['auc'])}",
        "sensitivity": text(plain["sensitivity"]),
        "specificity": text(plain["specificity"]),
        "balanced accuracy": f"{text(plain['balanced_accuracy'])}, worst perturbation "
        f"{text(worst['balanced_accuracy'])} ({worst['balanced_accuracy']['condition']})",
    }
