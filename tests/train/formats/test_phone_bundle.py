"""The LiteRT bundle of a phone, read by the example of the documents."""

from __future__ import annotations

import re
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn

    from pneumoscope.train.formats import convert, phone_bundle

from pneumoscope import load
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.sentences import of_gate
from tiny import scored_meta, tiny_files

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated"),
]

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "export.md"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("phone")
    files = tiny_files(folder / "parts", lungs=True)
    return write_bundle(folder / "bundle", scored_meta(warnings=("Be careful.",)), files)


@pytest.fixture(scope="module")
def exported(bundle: Bundle) -> Path:
    target = bundle.path.parent / "tiny.tflite"
    done = convert.export(bundle, "litert-bundle", target, None, lambda _note: None)
    assert done.parity.max_dp <= 1e-5
    assert done.parity.verdicts_changed == 0
    return target


def test_the_words_are_in_the_file(exported: Path, bundle: Bundle) -> None:
    words = phone_bundle.words_in(exported)
    assert words["verdicts"] == ["NORMAL", "PNEUMONIA", "UNDETERMINED", "REFUSED"]
    assert words["bundle_sha256"] == bundle.sha256
    assert words["operating_point"] == {"name": "balanced", "threshold": 0.5}
    assert words["gate"] == ["flatness", "saturation", "blur", "one-lung", "lung-doubt"]
    assert words["warnings"] == ["Be careful."]
    assert {"code", "level", "sentence", "hint"} == set(words["reasons"][0])
    assert (words["size"], words["source_size"]) == (32, 224)
    (grey_side,) = (reason for reason in words["reasons"] if reason["code"] == "screenshot")
    assert (grey_side["level"], grey_side["sentence"]) == ("note", of_gate("grey_side"))


def test_the_example_of_the_guide_reads_a_film(
    exported: Path,
    bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    block = re.search(r"```python\n(.+?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    example = block[1]
    assert len(example.splitlines()) <= 30
    runtime = types.ModuleType("ai_edge_litert.interpreter")
    runtime.Interpreter = tf.lite.Interpreter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ai_edge_litert", types.ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", runtime)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    grain = rng.normal(0, 25, (300, 260))
    films = ((60, "NORMAL", 8), (190, "PNEUMONIA", 8), (135, "UNDETERMINED", 8), (60, "NORMAL", 12))
    for mean, verdict, bits in films:
        white = 2**bits - 1
        pixels = np.clip((mean + grain) / 255 * white, 0, white)
        Image.fromarray(pixels.astype(np.uint8 if bits == 8 else np.uint16)).save("film.png")
        monkeypatch.setattr(sys, "argv", ["read.py", str(exported), "film.png"])
        exec(compile(example, "read.py", "exec"), {})
        printed = capsys.readouterr().out
        expected = load(bundle.path).predict("film.png")
        assert expected.label == verdict
        assert printed.startswith(f"{verdict}\n")
        assert f"P(PNEUMONIA) = {expected.p_positive:.3f}" in printed
        with Image.open("heatmap.png") as heatmap:
            assert heatmap.size == (260, 300)
