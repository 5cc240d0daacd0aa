"""The status page shows what the JSON has, and what is wrong; names in it are text."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.pacs.figures import Figures, StoredFigures
from pneumoscope.pacs.status import status_html, status_json

COUNTED: dict[str, Any] = {
    "running_s": 10, "receiver_up": True, "receiver_restarts": 0, "received": 7, "refused": 2,
    "films_per_minute": 1.25,
}  # fmt: skip
STORED = StoredFigures(
    states={"done": 5, "queued": 2, "failed": 1},
    labels={"NORMAL": 4, "REFUSED": 1},
    oldest_s=75.04,
    deliveries={("archive", "pending"): 3, ("archive", "delivered"): 1, ("<old>", "pending"): 4},
    oldest_results_s={"archive": 3700.0},
    failing={"archive": 2},
    worklist={"positive": 3, "not read": 2},
)


def test_the_json() -> None:
    figures = Figures(1, 12.0, 3 * 2**29, STORED, {"ward": (2, 1)})
    status = status_json(figures, ["archive", "folder"], COUNTED)
    problems = status.pop("problems")
    assert [(each["code"], each["name"], each["count"]) for each in problems] == [
        ("failed", None, 1),
        ("failing", "archive", 2),
        ("not_configured", "<old>", 4),
        ("set_aside", "ward", 1),
    ]
    assert status == COUNTED | {
        "database_answers": True,
        "spool_films": 1,
        "oldest_waiting_s": 75.0,
        "films": STORED.states,
        "verdicts": STORED.labels,
        "worklist": STORED.worklist,
        "destinations": {
            "archive": {
                "configured": True, "waiting": 3, "failing": 2, "delivered": 1, "given_up": 0,
                "oldest_result_s": 3700.0,
            },
            "folder": {
                "configured": True, "waiting": 0, "failing": 0, "delivered": 0, "given_up": 0,
                "oldest_result_s": None,
            },
            "<old>": {
                "configured": False, "waiting": 4, "failing": 0, "delivered": 0, "given_up": 0,
                "oldest_result_s": None,
            },
        },
        "sources": {"ward": {"failed_polls": 0, "tried_again": 2, "set_aside": 1}},
        "disk_bytes": 3 * 2**29,
        "disk_has_room": True,
        "audit_messages_waiting": 0,
        "audit_messages_lost": 0,
        "audit_log_writable": True,
    }  # fmt: skip


def test_the_page() -> None:
    figures = Figures(1, 12.0, 3 * 2**29, STORED, {"ward": (2, 1)})
    page = status_html(status_json(figures, ["archive", "folder"], COUNTED))
    rows = {
        cells[0]: cells[1:]
        for row in re.findall(r"<tr><th scope=row>(.*?)(?=<tr>|</table>)", page)
        if (cells := row.split("<td>"))
    }
    assert rows["received since the start"] == ["7"]
    assert rows["refused by the receiver since the start"] == ["2"]
    assert rows["failed: no result"] == ["1"]
    assert rows["oldest film that waits"] == ["1 min 15 s"]
    assert rows["films a minute, last ten minutes"] == ["1.2"]
    assert rows["size on the disk"] == ["1.50 GiB"]
    assert rows["REFUSED"] == ["1"]
    assert rows["archive"] == ["3", "1 h 1 min", "1", "0"]
    assert rows["&lt;old&gt; (not configured)"] == ["4", "none", "0", "0"]
    assert rows["ward"] == ["2", "1"]
    assert (
        "To be looked at, the most urgent first: 3 positive, 0 undetermined, 2 not read, 0 routine."
        in page
    )
    assert "Films without a result: 1; see `pneumoscope queue list" in page
    assert "Results wait for &lt;old&gt;, which is not in the configuration." in page
    assert "<script" not in page
    assert "<old>" not in page


def test_a_node_in_order_and_one_that_starts() -> None:
    calm = StoredFigures({}, {}, None, {("a", "delivered"): 1}, {})
    assert "No problem is known." in status_html(status_json(Figures(stored=calm), ["a"], COUNTED))
    starting = status_json(Figures(), (), COUNTED | {"receiver_up": False})
    assert starting["oldest_waiting_s"] is None
    page = status_html(starting)
    assert "The process that receives films does not run" in page
    assert "The database does not answer" in page


def test_the_page_says_what_is_wrong() -> None:
    stored = StoredFigures({}, {}, None, {("a", "pending"): 2, ("a", "given up"): 1}, {}, {"a": 2})
    figures = Figures(
        stored=stored,
        postponed={"ward": (1, 2)},
        failed_polls={"ward": 3},
        has_room=False,
        audit_waiting=11,
        audit_lost=4,
        log_writable=False,
    )
    page = status_html(status_json(figures, ["a"], COUNTED))
    for words in (
        "a: results not taken, to be sent again: 2.",
        "a: results given up: 1;",
        "ward: objects that the source does not give: 2.",
        "ward: the source cannot be read; attempts in a row: 3.",
        "The disk is full",
        "The audit log cannot be written",
        "The syslog does not take audit messages: waiting 11, lost 4.",
    ):
        assert words in page
