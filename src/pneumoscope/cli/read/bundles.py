"""``pneumoscope bundles``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.cli.options import Json
from pneumoscope.cli.terminal import console, escape, plain_table, print_json, print_table, terminal
from pneumoscope.render.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.bundle import NamedBundle

EXAMPLE = "Example: pneumoscope bundles --json"


def bundles(json: Json = False) -> None:
    """List the bundles that `--bundle` takes by name.

    These are the shipped bundles, and those in the folders that the variable
    PNEUMOSCOPE_BUNDLES names.
    """
    from pneumoscope.bundle import named_bundles

    facts = [_facts(named) for named in named_bundles()]
    if json:
        print_json({"bundles": facts}, indent=2)
    else:
        _print(facts)


def _facts(named: NamedBundle) -> dict[str, Any]:
    from pneumoscope.bundle import open_bundle
    from pneumoscope.errors import BundleError

    facts: dict[str, Any] = {
        "name": named.name,
        "folder": str(named.path),
        "shipped": named.shipped,
    }
    try:
        bundle = open_bundle(named.path)
    except BundleError as error:
        return facts | {"error": error.as_dict()}
    meta = bundle.meta
    return facts | {
        "bundle": bundle.title,
        "version": meta.version,
        "bundle_sha256": bundle.sha256,
        "task": meta.task,
        "labels": list(meta.labels),
        "positive": meta.positive,
        "population": meta.population.text,
        "licence": meta.data.get("licence", ""),
        "size_bytes": sum(file.stat().st_size for file in bundle.path.iterdir()),
    }


def _print(facts: Sequence[dict[str, Any]]) -> None:
    from pneumoscope.cli.rows import Row, fit, print_rows

    columns = ("name", "bundle", "SHA-256", "verdict", "size", "population", "folder")
    rows = []
    for bundle in facts:
        cells: tuple[str, ...]
        if "error" in bundle:
            cells = ("", "", "", "", f"not usable: {bundle['error']['message']}")
        else:
            size = f"{bundle['size_bytes'] / 1e6:.1f} MB"
            digest = bundle["bundle_sha256"][:12]
            cells = (bundle["bundle"], digest, bundle["positive"], size, bundle["population"])
        rows.append(tuple(map(visible, (bundle["name"], *cells, bundle["folder"]))))
    out = terminal()
    if not fit(out, columns, [Row(cells) for cells in rows]):
        noted = [Row(cells[:5], tuple(filter(None, cells[5:]))) for cells in rows]
        print_rows(out, columns[:5], noted, right=("size",))
        return
    table = plain_table(*columns, right=("size",), fold=("population", "folder"))
    for cells in rows:
        table.add_row(*map(escape, cells))
    print_table(console(), table)
