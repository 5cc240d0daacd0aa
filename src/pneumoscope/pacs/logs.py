"""The log of a node: one line for each event, as text or JSON, without names, UIDs and file names.

Films are named by the random ids of their results.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from datetime import UTC, datetime

_QUIET = ("pynetdicom", "pydicom", "highdicom", "fhir")
"""Libraries whose messages may contain values of headers."""


def configure_logging(form: str) -> None:
    """Sends the log of this process to stderr.

    Args:
        form: ``text`` or ``json``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in ("alembic", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Warnings of pydicom quote values of headers.
    warnings.simplefilter("ignore")


class JsonLines(logging.Formatter):
    """A line of the log as a JSON object: time, level, logger, message, and the fields of ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        } | getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = _frames(record)
        return json.dumps(line, ensure_ascii=True)


class TextLines(logging.Formatter):
    """A line of the log for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; control characters are escaped, so that one event stays one line."""
        fields = "".join(f" {key}={value}" for key, value in getattr(record, "fields", {}).items())
        text = f"{_time(record)} {record.levelname.lower()} {record.getMessage()}{fields}"
        if record.exc_info:
            text += " at " + " < ".join(_frames(record))
        return text.encode("unicode_escape").decode()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _frames(record: logging.LogRecord) -> list[str]:
    """The type of an exception, and where it was raised, innermost first.

    Its message may quote a header.
    """
    if not record.exc_info or record.exc_info[1] is None:
        return []
    error = record.exc_info[1]
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        module = trace.tb_frame.f_globals.get("__name__", "?")
        frames.append(f"{module}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return [type(error).__name__, *reversed(frames)]
