"""Rows of the database as the JSON of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.jobs.rows import name_of
from pneumoscope.jobs.tables import DONE, FAILED, OPEN, QUEUED, RUNNING
from pneumoscope.render.localised import localised_result
from pneumoscope.serve.dicom_objects import offered
from pneumoscope.serve.problems import stored_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.rows import name_of
from pneumoscope.jobs.tables import FilmRow, Job

ROOT = "/api/v1"


def record_json(row: FilmRow, keys: Keys) -> dict[str, Any]:
    """One film, in the language in use."""
    path = f"{ROOT}/predictions/{row.id}"
    outline = {} if row.lungs is None else {"lungs": f"{path}/lungs.png"}
    return {
        "id": row.id,
        "created": row.created.isoformat(),
        "job": row.job,
        "film": {"name": name_of(row, keys), "sha256": row.sha256},
        "state": row.state,
        "result": None if row.result is None else localised_result(row.result),
        "error": None if row.error is None else stored_problem(row.error, path),
        "links": {
            "self": path,
            "film": f"{path}/film.png",
            "overlay": f"{path}/overlay.png",
            "heatmap": f"{path}/heatmap.png",
            "thumbnail": f"{path}/thumbnail.png",
            "pdf": f"{path}/report.pdf",
            "json": f"{path}/result.json",
            **outline,
            **{kind: f"{path}/objects/{kind}" for kind in offered(row)},
        },
    }


def job_json(job: Job, counts: Mapping[str, int]) -> dict[str, Any]:
    """A job; films that were deleted count as done.

    Args:
        job: The job.
        counts: Number of its films in each state.
    """
    unfinished = sum(counts.get(state, 0) for state in OPEN)
    started = counts.get(RUNNING, 0) or counts.get(QUEUED, 0) < job.total
    path = f"{ROOT}/jobs/{job.id}"
    return {
        "id": job.id,
        "created": job.created.isoformat(),
        "state": ("running" if started else QUEUED) if unfinished else DONE,
        "total": job.total,
        "done": job.total - unfinished,
        "failed": counts.get(FAILED, 0),
        "links": {"self": path, "events": f"{path}/events"},
    }
