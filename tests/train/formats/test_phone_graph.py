"""The gate and the decision of the LiteRT bundle: those of Python, on films that reach every branch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn

    from pneumoscope.train.formats.phone_graph import GREY_SIDE, SCREEN, PhoneGraph

from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.decision.gate import FRONTAL, REASONS
from pneumoscope.errors import ConversionError
from pneumoscope.images.sides import has_grey_side
from pneumoscope.records import FilmFacts
from pneumoscope.runtime import Classifier, Prepared
from tiny import TINY_SIZE, findings_meta, scored_meta, tiny_files, tiny_meta

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning"),
]

KINDS = (FRONTAL, "not-frontal", "not-a-radiograph", "cropped", "photo-of-a-screen")
LIMITS = {
    "unsuitable": 0.8, "distance": 0.85, "distance-note": 0.8, "mirrored": 0.2, "flatness": 0.9,
    "saturation": 0.4, "blur": 0.95, "other-population": 0.8, "one-lung": 0.97, "lung-doubt": 0.8,
    "screen-note": 0.1,
}  # fmt: skip


def gated(folder: Path, *, lungs: bool) -> Bundle:
    """A bundle whose gate has random heads: it refuses some random films for each reason."""
    rng = np.random.default_rng(8)
    heads = {
        "kinds": np.array(KINDS),
        "weights": rng.normal(0, 0.35, (64, len(KINDS))).astype(np.float32),
        "bias": np.zeros(len(KINDS), np.float32),
        "mirror": rng.normal(0, 0.2, 65).astype(np.float32),
        "others": rng.normal(0, 0.2, 65).astype(np.float32),
    }
    files = tiny_files(folder / "parts", features=True, lungs=lungs)
    np.savez(folder / "gate.npz", **heads)
    files["gate.npz"] = folder / "gate.npz"
    return write_bundle(
        folder / "bundle", scored_meta(gate={"limits": LIMITS, "measured": {}}), files
    )


def films(count: int) -> np.ndarray:
    """uint8 (n, size, size, 1): of all mean greys, flat, grainy, blurred and overexposed."""
    rng = np.random.default_rng(3)
    mean = rng.uniform(0, 255, (count, 1, 1))
    grain = rng.normal(0, 1, (count, TINY_SIZE, TINY_SIZE)) * rng.uniform(0, 60, (count, 1, 1))
    slope = np.linspace(-1, 1, TINY_SIZE) * rng.uniform(0, 120, (count, 1, 1))
    pixels = np.clip(mean + slope + np.where(rng.random((count, 1, 1)) < 0.3, 0, grain), 0, 255)
    return pixels.astype(np.uint8)[..., None]


def of_python(bundle: Bundle, pixels: np.ndarray) -> list[Any]:
    facts = [
        FilmFacts(
            format="PNG", rows=224, columns=224, bits=8, grey_side=has_grey_side(film[..., 0])
        )
        for film in pixels
    ]
    prepared = [
        Prepared("film", f, film[..., 0], 0.0) for f, film in zip(facts, pixels, strict=True)
    ]
    return list(Classifier(bundle, threads=1).judge(prepared))


@pytest.mark.parametrize(("lungs", "count"), [(False, 110), (True, 25)])
def test_a_film_is_judged_as_python_judges_it(tmp_path: Path, lungs: bool, count: int) -> None:
    bundle = gated(tmp_path, lungs=lungs)
    graph, pixels = PhoneGraph(bundle), films(count)
    seen, codes, seen_reasons = set(), set(), set()
    for film, expected in zip(pixels, of_python(bundle, pixels), strict=True):
        judged = {name: value.numpy()[0] for name, value in graph.judge(film[None]).items()}
        label = ("NORMAL", "PNEUMONIA", "UNDETERMINED", "REFUSED")[judged["verdict"]]
        reasons = {
            r for r, present in zip(graph.reasons, judged["reasons"], strict=True) if present
        }
        assert reasons == {(reason.code, reason.level) for reason in expected.gate.reasons}
        assert label == expected.label
        assert judged["p_positive"] == pytest.approx(expected.p_positive, abs=1e-5)
        scores = dict(zip(graph.scores, judged["gate"], strict=True))
        assert scores == pytest.approx(expected.gate.scores, abs=1e-4)
        seen.add(label)
        codes |= {code for code, _ in reasons}
        seen_reasons |= reasons
        if label != "REFUSED":
            kinds = [
                n for n, named in zip(bundle.meta.labels, judged["kinds"], strict=True) if named
            ]
            assert sorted(kinds) == sorted(expected.kinds)
            np.testing.assert_allclose(judged["heatmap"], expected.heatmap, atol=1e-5)
    assert lungs or seen == {"NORMAL", "PNEUMONIA", "UNDETERMINED", "REFUSED"}
    assert lungs or len(codes) >= 6, codes
    assert codes <= REASONS.keys()
    assert {GREY_SIDE, SCREEN} <= seen_reasons


def test_a_bundle_without_gate_and_sets_gives_one_of_two_verdicts(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", tiny_meta(), tiny_files(tmp_path / "parts"))
    graph, pixels = PhoneGraph(bundle), films(12)
    for film, expected in zip(pixels, of_python(bundle, pixels), strict=True):
        judged = graph.judge(film[None])
        assert ("NORMAL", "PNEUMONIA")[int(judged["verdict"][0])] == expected.label
        reasons = [
            r for r, present in zip(graph.reasons, judged["reasons"][0], strict=True) if present
        ]
        assert reasons == [(reason.code, reason.level) for reason in expected.gate.reasons]
        np.testing.assert_allclose(judged["heatmap"][0], expected.heatmap, atol=1e-5)


def test_several_findings_have_no_single_verdict(tmp_path: Path) -> None:
    files = tiny_files(tmp_path / "parts", last="Sigmoid")
    bundle = write_bundle(tmp_path / "bundle", findings_meta(), files)
    with pytest.raises(ConversionError, match="several findings") as refused:
        PhoneGraph(bundle)
    assert "litert" in refused.value.hint
