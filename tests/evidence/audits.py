"""Listings, folders and findings for tests of the audit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pneumoscope.data.listing import Entry, Listing
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.labels import Doubts
from pneumoscope.evidence.audit.results import Audit
from readings import reading


def listed(*films: tuple[str, str, str], layout: str = "kermany") -> Listing:
    """Films as (patient, class, split)."""
    names = ("normal", "bacterial", "viral")
    entries = tuple(
        Entry(
            path=Path(f"{i}.png"),
            name=f"{i}.png",
            values=tuple(float(name == kind) for name in names),
            patient=patient,
            keyed=True,
            split=split,
        )
        for i, (patient, kind, split) in enumerate(films)
    )
    return Listing(layout=layout, findings=False, names=names, entries=entries, source="by hand")


def levels(result: Audit, check: str) -> list[str]:
    return [f.level for f in result.findings if f.check.startswith(check)]


def reasons(result: Audit, check: str = "") -> str:
    return "\n".join(f.reason for f in result.findings if f.check.startswith(check))


def new_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def audit_of(**changes: Any) -> Audit:
    """Eight films of eight patients that were all read, four of them ill, without any finding."""
    films = listed(*((f"p{i}", "viral" if i % 2 else "normal", "train") for i in range(8)))
    truth = np.arange(8) % 2 == 1
    pairs, _ = contrasts(films)
    values: dict[str, Any] = {
        "listing": films,
        "reading": reading(truth, ["K.1"] * 8),
        "bundle": "tiny 1",
        "pictures": (),
        "copies": (),
        "groupings": (),
        "shifts": (),
        "shortcuts": (),
        "doubts": Doubts(classes=("normal", "viral"), films=8, candidates=()),
        "warnings": (),
        "limits": (),
        "sides": {pair.name: tuple(pair.among(np.arange(8))) for pair in pairs},
        "findings": (),
    }
    return Audit(**(values | changes))


def shown(result: Audit, folder: Path) -> Audit:
    """The same with pictures in a folder: the film of position i is i grey levels times 20."""
    entries = []
    for i, entry in enumerate(result.listing.entries):
        path = folder / entry.name
        Image.fromarray(np.full((80, 80), 20 * i, np.uint8)).save(path)
        entries.append(replace(entry, path=path))
    return replace(result, listing=replace(result.listing, entries=tuple(entries)))
