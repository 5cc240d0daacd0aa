"""The Streamlit app by Streamlit's own test bench, and as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

import pneumoscope

if find_spec("streamlit") is None:
    pytest.skip("needs the [apps] extra", allow_module_level=True)

SAMPLES = Path(__file__).parents[2] / "samples"
APP = Path(pneumoscope.__file__).parent / "apps" / "streamlit_app.py"


@pytest.fixture
def app() -> Any:
    from streamlit.testing.v1 import AppTest

    running = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not running.exception
    return running


def card(app: Any) -> str:
    assert not app.exception
    (text,) = (html.proto.body for html in app.get("html") if "pneumoscope-card" in html.proto.body)
    return re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)


@pytest.mark.slow
def test_examples_and_opacity(app: Any) -> None:
    assert "Research use, not a medical device." in app.markdown[0].value
    assert "Choose a film" in card(app)
    app.pills(key="example").set_value("pneumonia-3.dcm").run()
    assert "PNEUMONIA" in card(app)
    assert "in children a film alone cannot tell them apart" in card(app)
    assert app.caption[-1].value.startswith("Heatmap for: PNEUMONIA.")
    film, hot = pictures(app)
    assert film != hot
    known = app.session_state["read"]
    app.slider(key="opacity").set_value(10).run()
    assert pictures(app)[0] == film
    assert pictures(app)[1] != hot
    assert app.session_state["read"] is known


def test_a_bundle_that_cannot_be_used_is_named_on_the_page(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLE", "nope")
    app.pills(key="example").set_value("pneumonia-1.png").run()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("bundle nope: no such folder, and no bundle has this name. Known")


def test_an_upload_comes_first(app: Any) -> None:
    app.pills(key="example").set_value("pneumonia-1.png").run()
    content = (SAMPLES / "normal-1.png").read_bytes()
    app.file_uploader(key="film").upload("mine.png", content, "image/png").run()
    assert "NORMAL" in card(app)
    assert app.pills(key="example").disabled
    assert "Remove the uploaded film to choose an example." in [c.value for c in app.caption]


def test_a_refused_film_and_a_broken_one(app: Any, tmp_path: Path) -> None:
    film = np.asarray(Image.open(SAMPLES / "normal-1.png"))
    Image.fromarray(255 - film).save(tmp_path / "inverted.jpg", quality=95)
    content = (tmp_path / "inverted.jpg").read_bytes()
    app.file_uploader(key="film").upload("inverted.jpg", content, "image/jpeg").run()
    assert "REFUSED" in card(app)
    assert "Invert the film: air must be dark." in card(app)
    assert "P(" not in card(app)
    assert app.caption[-1].value == "No heatmap: the film was refused."
    assert len(pictures(app)) == 1
    assert not app.slider
    cut = (SAMPLES / "pneumonia-3.dcm").read_bytes()[:9000]
    app.file_uploader(key="film").upload("cut.dcm", cut, "application/dicom").run()
    assert "NOT READ" in card(app)
    assert "cut.dcm: cannot be decoded (its end is missing)" in card(app)
    assert "transfer the file again" in card(app)
    assert pictures(app) == []


def pictures(app: Any) -> list[str]:
    return [image.value[0] for image in app.get("image")]


@pytest.mark.server
def test_as_a_process() -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "pneumoscope", "streamlit", "--port", "0"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"HOME": "/nowhere"},
    )  # fmt: skip
    try:
        assert running.stderr is not None
        greeting = running.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", greeting)
        assert address, greeting
        # It says where it listens shortly before it does.
        patient = httpx.HTTPTransport(retries=8)
        with httpx.Client(
            transport=patient, base_url=address[0], timeout=60, trust_env=False
        ) as client:
            assert client.get("_stcore/health").content == b"ok"
            assert b"Streamlit" in client.get("").content
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    finally:
        running.kill()
        running.wait()
    assert "Traceback" not in errors
