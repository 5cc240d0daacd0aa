"""Rows of the database as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.jobs.store import DONE, FAILED, OPEN, QUEUED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.store import Job, Row

ROOT = "/api/v1"


def name_of(row: Row, keys: Keys) -> str:
    """The film's display name; ``"film"`` if it was sealed with another key."""
    try:
        return keys.open(row.name, row.id).decode()
    except ValueError:
        return "film"


def record(row: Row, keys: Keys) -> dict[str, Any]:
    """One film."""
    own = f"{ROOT}/predictions/{row.id}"
    return {
        "id": row.id,
        "created": row.created.isoformat(),
        "job": row.job,
        "film": {"name": name_of(row, keys), "sha256": row.sha256},
        "state": row.state,
        "result": row.result,
        "error": row.error if row.error is None else row.error | {"instance": own},
        "links": {
            "self": own,
            "film": f"{own}/film.png",
            "overlay": f"{own}/overlay.png",
            "heatmap": f"{own}/heatmap.png",
            "thumbnail": f"{own}/thumbnail.png",
            "pdf": f"{own}/report.pdf",
            "json": f"{own}/result.json",
        },
    }


def job(found: Job, counts: Mapping[str, int]) -> dict[str, Any]:
    """A job; films that were deleted count as done."""
    left = sum(counts.get(state, 0) for state in OPEN)
    begun = counts.get(RUNNING, 0) or counts.get(QUEUED, 0) < found.total
    own = f"{ROOT}/jobs/{found.id}"
    return {
        "id": found.id,
        "created": found.created.isoformat(),
        "state": ("running" if begun else QUEUED) if left else DONE,
        "total": found.total,
        "done": found.total - left,
        "failed": counts.get(FAILED, 0),
        "links": {"self": own, "events": f"{own}/events"},
    }
