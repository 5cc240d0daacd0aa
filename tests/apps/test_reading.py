"""What both apps show; and the commands before anything starts."""

from __future__ import annotations

import importlib
import re
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pneumoscope
from command_line import run
from pneumoscope.apps import reading
from pneumoscope.bundle import Bundle
from pneumoscope.errors import MissingExtra, TruncatedImage
from pneumoscope.installation import install_command
from pneumoscope.records import Settings

SAMPLES = Path(__file__).parents[2] / "samples"


def test_a_film_its_overlay_and_its_card(tiny_bundle: Bundle, film_files: Path) -> None:
    outcome = reading.read(
        pneumoscope.load(tiny_bundle), (film_files / "bright.png").read_bytes(), "ward/one.png"
    )
    assert outcome.source == "ward/one.png"
    film, overlay = reading.film(outcome), reading.overlay(outcome, 0)
    assert film is not None
    assert overlay is not None
    assert film.shape == (300, 224)
    np.testing.assert_array_equal(overlay, np.repeat(film[..., None], 3, axis=2))
    card = reading.card(outcome)
    assert "PNEUMONIA" in card
    assert "P(pneumonia) 0.938" in card
    assert "in children a film alone cannot tell them apart" in card


@pytest.mark.parametrize("app", ["gradio", "streamlit"])
def test_an_app_without_its_extra_says_how_to_install_it(
    app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, app, None)
    monkeypatch.delitem(sys.modules, f"pneumoscope.apps.{app}_app", raising=False)
    with pytest.raises(MissingExtra, match=f"the {app.capitalize()} app needs") as error:
        importlib.import_module(f"pneumoscope.apps.{app}_app")
    assert error.value.hint == f"Install it with: {install_command('apps')}"


def test_a_large_film_is_shown_small(tiny_bundle: Bundle, tmp_path: Path) -> None:
    Image.fromarray(np.full((1200, 2400), 90, np.uint8)).save(tmp_path / "wide.png")
    classifier = pneumoscope.load(tiny_bundle)
    outcome = reading.read(classifier, (tmp_path / "wide.png").read_bytes(), "wide.png")
    film = reading.film(outcome)
    assert film is not None
    assert film.shape == (512, 1024)
    assert set(film.ravel().tolist()) == {90}
    assert outcome.prediction is not None
    assert outcome.prediction.facts.rows == 1200


def test_a_broken_film_has_no_pictures_but_a_hint(tiny_bundle: Bundle) -> None:
    cut = (SAMPLES / "pneumonia-3.dcm").read_bytes()[:9000]
    outcome = reading.read(pneumoscope.load(tiny_bundle), cut, "<b>cut</b>.dcm")
    assert isinstance(outcome.error, TruncatedImage)
    assert reading.film(outcome) is None
    assert reading.overlay(outcome, 0.5) is None
    assert not reading.fades(outcome)
    assert reading.caption(outcome) == "No heatmap: the film could not be read."
    assert reading.why_opacity_is_fixed(outcome).endswith("the film could not be read.")
    card = reading.card(outcome)
    assert "NOT READ" in card
    assert "&lt;b&gt;cut&lt;/b&gt;.dcm: cannot be decoded (its end is missing)" in card
    assert outcome.error.hint in card


def test_without_a_heatmap(tiny_bundle: Bundle, film_files: Path) -> None:
    classifier = pneumoscope.load(tiny_bundle, settings=Settings(explain="none"))
    outcome = reading.read(classifier, (film_files / "dark.png").read_bytes(), "dark.png")
    assert reading.overlay(outcome, 0.5) is None
    assert reading.caption(outcome) == "No heatmap was asked for."
    why = reading.why_opacity_is_fixed(outcome)
    assert why == "It cannot be changed. No heatmap was asked for."


@pytest.mark.parametrize("app", ["gradio", "streamlit"])
def test_help_has_an_example(app: str) -> None:
    done = run(app, "--help")
    assert done.returncode == 0
    assert f"Example: pneumoscope {app} --port" in done.stdout
    assert "[default: 127.0.0.1]" in done.stdout


@pytest.mark.parametrize("app", ["gradio", "streamlit"])
def test_without_the_extra(app: str, tmp_path: Path) -> None:
    # A folder of that name is no package.
    (tmp_path / app).mkdir()
    code = (
        "import sys, importlib.machinery as m\n"
        "find = m.PathFinder.find_spec\n"
        f"m.PathFinder.find_spec = lambda name, *a: None if name == {app!r} else find(name, *a)\n"
        f"sys.argv = ['pneumoscope', {app!r}]\n"
        "from pneumoscope.cli.main import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert f"({app}) needs an optional part that is not installed" in done.stderr
    assert f"hint: Install it with: {install_command('apps')}\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("app", ["gradio", "streamlit"])
def test_a_start_that_fails_is_told_in_two_lines(app: str, tmp_path: Path) -> None:
    if find_spec(app) is None:  # importing takes long
        pytest.skip("needs the [apps] extra")
    wrong = run(app, "--port", 0, "--bundle", tmp_path / "none")
    assert wrong.returncode == 1
    assert f"error: bundle {tmp_path / 'none'}: no such folder" in wrong.stderr
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run(app, "--port", port)
    assert done.returncode == 1
    assert f"error: cannot listen on 127.0.0.1 port {port}" in done.stderr
    wide = run(app, "--host", "0.0.0.0", "--port", 0, "--bundle", tmp_path / "none")
    assert "it has no accounts and no TLS" in wide.stderr


def test_icons_are_drawn_without_svg_in_the_html() -> None:
    # Streamlit removes SVG from HTML, so the style has an icon for each kind of verdict.
    kinds = re.findall(
        r'\.verdict\.(\w+)\{--icon:url\("data:image/svg\+xml,[\w%./-]+"\)\}', reading.STYLE
    )
    assert sorted(kinds) == ["error", "negative", "positive", "refused", "unclear"]
    assert ".verdict svg{display:none}" in reading.STYLE
    assert "<" not in reading.STYLE
