"""``pneumoscope export``; the formats themselves are tested with the trainings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from command_line import run
from documented_output import undocumented
from pneumoscope.bundle import SHIPPED, Bundle
from pneumoscope.cli.terminal import note
from replaced import replace_module


@dataclass(frozen=True)
class Parity:
    films: int = 24
    drawn: bool = True
    max_dp: float = 1.2e-6
    mean_dp: float = 3e-7
    verdicts_changed: int = 0
    auc: float | None = None
    auc_onnx: float | None = None


@dataclass(frozen=True)
class Exported:
    format: str
    path: Path
    megabytes: float = 8.128
    latency_ms: float = 3.456
    onnx_latency_ms: float = 2.0
    parity: Parity = Parity()


Calls = list[tuple[Any, ...]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What the conversion was called with."""
    calls: Calls = []

    def export(bundle: Bundle, name: str, out: Path | None, films: Path | None, say: Any) -> Any:
        calls.append((bundle, name, out, films))
        assert say is note
        say("converting")
        parity = Parity() if films is None else Parity(200, False, auc=0.98765, auc_onnx=0.98764)
        return Exported(name, out or Path(f"tiny.{name}"), parity=parity)

    replace_module(monkeypatch, "pneumoscope.train.formats.convert", export=export)
    monkeypatch.setattr("pneumoscope.cli.train.export.prepare_conversion", lambda _what: None)
    return calls


def test_an_export_and_how_it_differs(calls: Calls, tiny_bundle: Bundle) -> None:
    done = run("export", tiny_bundle.path, "--format", "litert")
    assert (done.returncode, done.stderr) == (0, "converting ...\n")
    assert done.stdout.splitlines() == [
        "format    litert",
        "path      tiny.litert",
        "size      8.13 MB",
        "latency   3.46 ms a film in one thread, ONNX Runtime 2.00 ms",
        "parity    on 24 drawn films: |dp| at most 1.2e-06, on average 3.0e-07; 0 verdicts changed",
    ]
    ((bundle, *others),) = calls
    assert bundle.sha256 == tiny_bundle.sha256
    assert others == ["litert", None, None]


def test_the_bundle_is_named_by_the_option_or_without_it(calls: Calls, tiny_bundle: Bundle) -> None:
    path = tiny_bundle.path
    for words in (["--bundle", path], ["model", "--bundle", path], ["model", path], [path]):
        assert run("export", *words).returncode == 0
    assert {bundle.sha256 for bundle, *_ in calls} == {tiny_bundle.sha256}
    assert len(calls) == 4
    done = run("export", path, "--bundle", "adults")
    assert (done.returncode, len(calls)) == (2, 4)
    assert "one bundle is exported" in done.stderr


def test_films_add_the_auc(calls: Calls, tiny_bundle: Bundle) -> None:
    done = run("export", tiny_bundle.path, "--films", "ward", "--out", "m.onnx")
    assert "parity    on 200 films: " in done.stdout
    assert done.stdout.splitlines()[-1] == "AUC       0.9877, ONNX Runtime 0.9876"
    assert calls[0][1:] == ("onnx", Path("m.onnx"), Path("ward"))


def test_json_has_the_figures_and_the_bundle(calls: Calls, tiny_bundle: Bundle) -> None:
    record = json.loads(run("export", tiny_bundle.path, "--json").stdout)
    assert undocumented("export model", record) == []
    assert (record["format"], record["path"]) == ("onnx", "tiny.onnx")
    assert record["bundle_sha256"] == tiny_bundle.sha256
    assert record["parity"]["max_dp"] == 1.2e-6
    assert record["parity"]["auc"] is None


def test_without_a_bundle_it_is_the_shipped_one(calls: Calls) -> None:
    assert run("export").returncode == 0
    assert calls[0][0].path == SHIPPED


def test_a_bundle_that_does_not_exist(calls: Calls) -> None:
    done = run("export", "nowhere")
    assert (done.returncode, done.stdout, calls) == (1, "", [])
    assert "no such folder, and no bundle has this name" in done.stderr
    assert "hint: Known names: adults, children." in done.stderr


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What the export of a page was called with."""
    from pneumoscope.web.packages import DECODERS
    from pneumoscope.web.page import ExportedPage

    calls: Calls = []

    def export_page(
        target: Path, bundles: list[Path], place: Path | None, say: Any, profile: Path | None
    ) -> Any:
        calls.append((target, bundles, place, profile))
        assert say is note
        return ExportedPage(
            path=target,
            files=105,
            size_bytes=21_715_323,
            bundles=("children", "adults"),
            missing=DECODERS[:1],
        )

    monkeypatch.setattr("pneumoscope.web.page.export_page", export_page)
    return calls


def test_a_page_and_how_to_serve_it(pages: Calls) -> None:
    options = ("--bundle", "adults", "--runtime", "packages", "--profile", "site.json")
    done = run("export", "web", "page", *options)
    assert done.returncode == 0
    assert pages == [(Path("page"), [Path("adults")], Path("packages"), Path("site.json"))]
    assert "21.7 MB in 105 files" in done.stdout
    assert "http.server --bind 127.0.0.1 --directory page 8002" in done.stdout
    assert done.stderr.startswith("left out: what decodes JPEG Lossless in DICOM;")


def test_a_page_as_json(pages: Calls) -> None:
    record = json.loads(run("export", "web", "page", "--json").stdout)
    assert undocumented("export web", record) == []
    assert pages == [(Path("page"), [], None, None)]
    assert record == {
        "path": "page",
        "files": 105,
        "megabytes": 21.72,
        "bundles": ["children", "adults"],
        "missing": ["jpeg-lossless-decoder-js@2.1.2"],
    }


def test_a_page_needs_a_folder() -> None:
    done = run("export", "web")
    assert done.returncode == 2
    assert "DIR" in done.stderr


def test_the_model_is_the_default(calls: Calls, tiny_bundle: Bundle) -> None:
    assert run("export", "model", tiny_bundle.path, "--format", "litert").returncode == 0
    assert run("export", tiny_bundle.path, "--format", "litert").returncode == 0
    assert calls[0][1:] == calls[1][1:] == ("litert", None, None)
    assert "web" in run("export", "--help").stdout
