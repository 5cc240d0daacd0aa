"""What ``pneumoscope watch`` prints: one line for each film, and errors elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

for module in ("sqlalchemy", "cryptography", "fsspec"):
    pytest.importorskip(module, reason="needs the [watch] extra")

from grey_films import BRIGHT
from pneumoscope import runtime
from pneumoscope.bundle import Bundle
from pneumoscope.cli.read.watch_printer import WatchPrinter
from pneumoscope.errors import DiskFull, EmptySource
from pneumoscope.records import Settings
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.watch.watching import WatchSettings


def printed(bundle: Bundle, as_json: bool) -> None:
    """Everything that a printer prints."""
    settings = WatchSettings(("in", "s3://b"), "out", Path("queue"), "sqlite://", Settings())
    printer = WatchPrinter(settings, as_json)
    printer.started()
    record = prediction_to_json(runtime.load(bundle).predict(BRIGHT[1]))
    printer.result({"source": "a\x1b.png", **record}, "out/a.png.json")
    printer.failed("b.png", EmptySource("b.png"))
    printer.repeated("c.png")
    printer.trouble(DiskFull("out"))


def test_text(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    printed(tiny_bundle, as_json=False)
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first.startswith(r"a\x1b.png: PNEUMONIA")
    assert first.endswith("out/a.png.json")
    assert second == "c.png: the same film was read before, perhaps under another name"
    assert err.splitlines()[0] == "watching in, s3://b (Ctrl-C to stop); the queue is in queue"
    assert "error: b.png: empty (0 bytes)" in err
    assert err.splitlines()[-1] == "This is tried again until it works."


def test_json_lines(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    printed(tiny_bundle, as_json=True)
    result, failure, repeated = map(json.loads, capsys.readouterr().out.splitlines())
    assert (result["label"], result["result_file"]) == ("PNEUMONIA", "out/a.png.json")
    assert failure["error"]["code"] == "EmptySource"
    assert repeated == {"source": "c.png", "repeated": True}
