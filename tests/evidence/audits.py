"""Listings, folders and findings for tests of the audit."""

from __future__ import annotations

from pathlib import Path

from pneumoscope.data.listing import Entry, Listing
from pneumoscope.evidence.audit.results import Audit


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
