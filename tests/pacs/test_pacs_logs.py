"""Lines of the log: one for each event, and no values of headers in them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from pneumoscope.pacs.logs import JsonLines, TextLines


def record(message: str, error: BaseException | None = None, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord(
        "pneumoscope.pacs.intake", logging.WARNING, "x.py", 1, message, (), None
    )
    made.created = 1_767_225_600.25  # 2026-01-01 00:00:00.250 UTC
    if fields:
        made.fields = fields
    if error is not None:
        made.exc_info = (type(error), error, error.__traceback__)
    return made


def raised() -> ValueError:
    try:
        raise ValueError("Planted^Name")
    except ValueError as error:
        return error


def test_a_line_of_json_has_the_fields() -> None:
    assert json.loads(JsonLines().format(record("a film", film="ab12", attempt=2))) == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "level": "warning",
        "logger": "pneumoscope.pacs.intake",
        "message": "a film",
        "film": "ab12",
        "attempt": 2,
    }


def test_a_line_of_text_is_one_line() -> None:
    line = TextLines().format(record("two\nlines\x1b[31m", film="ab12"))
    assert line == "2026-01-01T00:00:00.250+00:00 warning two\\nlines\\x1b[31m film=ab12"


@pytest.mark.parametrize("form", [JsonLines(), TextLines()])
def test_an_exception_is_named_without_its_message(form: logging.Formatter) -> None:
    line = form.format(record("it failed", raised()))
    assert "ValueError" in line
    assert "test_pacs_logs" in line
    assert "Planted" not in line


def test_libraries_and_warnings_say_nothing() -> None:
    code = (
        "import logging, warnings\n"
        "from pneumoscope.pacs.logs import configure_logging\n"
        "configure_logging('json')\n"
        "logging.getLogger('pynetdicom.assoc').error('Planted^Name')\n"
        "logging.getLogger('pydicom').error('Planted^Name')\n"
        "warnings.warn('Planted^Name')\n"
        "logging.getLogger('pneumoscope').info('ours')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["message"] == "ours"
