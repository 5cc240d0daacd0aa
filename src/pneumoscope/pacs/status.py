"""The status page of a node, and the same as JSON: what came in, what waits, what went out."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from pneumoscope.jobs.tables import DELIVERED, GIVEN_UP, PENDING
from pneumoscope.jobs.worklist import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pneumoscope.pacs.figures import Figures

_GIB = 2**30
_REFRESH_S = 10
_SOME_MESSAGES = 10
"""Audit messages that may wait for a moment."""


def status_json(
    figures: Figures, destinations: Sequence[str], counted: dict[str, Any]
) -> dict[str, Any]:
    """The status as JSON; it names no person, no study and no sender.

    Args:
        figures: What the node has now.
        destinations: Names of the destinations in the configuration.
        counted: What was counted since the start, see `NodeMetrics.status`.
    """
    stored = figures.stored
    status = {
        **counted,
        "database_answers": stored is not None,
        "spool_films": figures.spool_films,
        "oldest_waiting_s": _oldest_s(figures),
        "films": {} if stored is None else stored.states,
        "verdicts": {} if stored is None else stored.labels,
        "worklist": {} if stored is None else stored.worklist,
        "destinations": _destinations(figures, destinations),
        "sources": {
            name: {
                "failed_polls": figures.failed_polls.get(name, 0),
                "tried_again": again,
                "set_aside": aside,
            }
            for name, (again, aside) in figures.postponed.items()
        },
        "disk_bytes": figures.disk_bytes,
        "disk_has_room": figures.has_room,
        "audit_messages_waiting": figures.audit_waiting,
        "audit_messages_lost": figures.audit_lost,
        "audit_log_writable": figures.log_writable,
    }
    return status | {"problems": list(_problems(status))}


def _oldest_s(figures: Figures) -> float | None:
    """Age of the oldest film that has no result yet, in spool or database; None without one."""
    ages = [figures.spool_oldest_s] if figures.spool_films else []
    if figures.stored is not None and figures.stored.oldest_s is not None:
        ages.append(figures.stored.oldest_s)
    return round(max(ages), 1) if ages else None


def _destinations(figures: Figures, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    stored = figures.stored
    if stored is None:
        return {}
    known = dict.fromkeys((*names, *sorted({name for name, _ in stored.deliveries})))
    return {
        name: {
            "configured": name in names,
            "waiting": stored.deliveries.get((name, PENDING), 0),
            "failing": stored.failing.get(name, 0),
            "delivered": stored.deliveries.get((name, DELIVERED), 0),
            "given_up": stored.deliveries.get((name, GIVEN_UP), 0),
            "oldest_result_s": None
            if name not in stored.oldest_results_s
            else round(stored.oldest_results_s[name], 1),
        }
        for name in known
    }


def status_html(status: dict[str, Any]) -> str:
    """The page: the same figures as tables, without scripts; it loads itself again.

    Args:
        status: From `status_json`.
    """
    films, verdicts = status["films"], status["verdicts"]
    notes = "".join(f"<li>{escape(problem['text'])}</li>" for problem in status["problems"])
    parts = [
        f"<ul class=bad>{notes}</ul>" if notes else "<p>No problem is known.</p>",
        _worklist(status["worklist"]),
        _table(
            ("films", "number"),
            [
                ("received since the start", status["received"]),
                ("refused by the receiver since the start", status["refused"]),
                ("waiting in the spool", status["spool_films"]),
                ("waiting for the network", films.get("queued", 0)),
                ("being read", films.get("running", 0)),
                ("done", films.get("done", 0)),
                ("failed: no result", films.get("failed", 0)),
                ("oldest film that waits", _age(status["oldest_waiting_s"])),
                ("films a minute, last ten minutes", f"{status['films_per_minute']:.1f}"),
                ("size on the disk", f"{status['disk_bytes'] / _GIB:.2f} GiB"),
            ],
        ),
        _table(("verdict", "films"), sorted(verdicts.items())),
        _table(
            ("destination", "waiting", "oldest", "delivered", "given up"),
            [
                (
                    name if each["configured"] else f"{name} (not configured)",
                    each["waiting"],
                    _age(each["oldest_result_s"]),
                    each["delivered"],
                    each["given_up"],
                )
                for name, each in status["destinations"].items()
            ],
        ),
        _table(
            ("source", "objects tried again", "set aside"),
            [(name, s["tried_again"], s["set_aside"]) for name, s in status["sources"].items()],
        ),
    ]
    return _PAGE.format(seconds=_REFRESH_S, body="\n".join(parts))


def _problems(status: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """What is wrong, the parts of the node first: a code, the name and number it is about, and a sentence."""
    waiting, lost = status["audit_messages_waiting"], status["audit_messages_lost"]
    if not status["receiver_up"]:
        yield _problem(
            "receiver", "The process that receives films does not run; it is started again."
        )
    if not status["database_answers"]:
        yield _problem("database", "The database does not answer; films wait in the spool.")
    if not status["disk_has_room"]:
        text = "The disk is full, or the node has used its share: films are refused until there is space."
        yield _problem("disk", text)
    if not status["audit_log_writable"]:
        yield _problem("audit_log", "The audit log cannot be written; films wait in the spool.")
    if waiting > _SOME_MESSAGES or lost:
        text = f"The syslog does not take audit messages: waiting {waiting}, lost {lost}."
        yield _problem("syslog", text, count=waiting + lost)
    if failed := status["films"].get("failed"):
        text = f"Films without a result: {failed}; see `pneumoscope queue list --state failed`."
        yield _problem("failed", text, count=failed)
    yield from _problems_of_destinations(status["destinations"])
    for name, each in status["sources"].items():
        if tries := each["failed_polls"]:
            text = f"{name}: the source cannot be read; attempts in a row: {tries}."
            yield _problem("source", text, name, tries)
        if aside := each["set_aside"]:
            text = f"{name}: objects that the source does not give: {aside}."
            yield _problem("set_aside", text, name, aside)


def _problems_of_destinations(
    destinations: dict[str, dict[str, Any]],
) -> Iterable[dict[str, Any]]:
    for name, each in destinations.items():
        if failing := each["failing"]:
            text = f"{name}: results not taken, to be sent again: {failing}."
            yield _problem("failing", text, name, failing)
        if each["waiting"] and not each["configured"]:
            text = f"Results wait for {name}, which is not in the configuration."
            yield _problem("not_configured", text, name, each["waiting"])
        if lost := each["given_up"]:
            text = f"{name}: results given up: {lost}; see `pneumoscope queue list`."
            yield _problem("given_up", text, name, lost)


def _problem(
    code: str, text: str, name: str | None = None, count: int | None = None
) -> dict[str, Any]:
    return {"code": code, "name": name, "count": count, "text": text}


def _worklist(groups: dict[str, int]) -> str:
    """The line about the films that people should look at first; nothing without films."""
    if not groups:
        return ""
    words = ", ".join(f"{groups.get(group, 0)} {group}" for group in GROUPS)
    return f"<p>To be looked at, the most urgent first: {words}.</p>"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table; nothing without rows."""
    if not rows:
        return ""
    cells = "".join(f"<th scope=col>{escape(text)}" for text in head)
    lines = "".join(
        f"<tr><th scope=row>{escape(str(row[0]))}"
        + "".join(f"<td>{escape(str(value))}" for value in row[1:])
        for row in rows
    )
    return f"<table><thead><tr>{cells}<tbody>{lines}</table>"


_PAGE = """<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta http-equiv=refresh content={seconds}>
<meta name=viewport content="width=device-width">
<title>pneumoscope node</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem; max-width: 50rem; color-scheme: light dark }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
th, td {{ padding: .2rem .8rem; border-bottom: 1px solid #8888; text-align: left }}
td {{ text-align: right; font-variant-numeric: tabular-nums }}
.bad {{ border-left: .4rem solid #c33; padding: .5rem 2rem }}
</style>
<h1>pneumoscope node</h1>
<p>Research use, not a medical device.</p>
{body}
</html>
"""
