"""The slower sections of an evaluation, and why one is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "onnx"):
    pytest.importorskip(module)

from conv import conv_bundle
from evaluated import evaluated_film, question, settings
from evaluations import BRIGHT, DARK, folders
from pneumoscope.bundle import Bundle
from pneumoscope.errors import MissingExtra, UsageError
from pneumoscope.evidence.audit.contrasts import Contrast
from pneumoscope.evidence.audit.films import Reading
from pneumoscope.evidence.audit.listing import open_films
from pneumoscope.evidence.evaluation import sections
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.sections import agreement_of, shortcuts_of, slow_sections
from pneumoscope.evidence.evaluation.truth import Truth
from pneumoscope.evidence.evaluation.work import Work
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.runtime import Classifier
from pneumoscope.runtime import load as load_bundle
from reported import films as drawn_films
from reported import outcomes_of

N = 12
CLASSES = np.arange(N) % 3


def context(tmp_path: Path, *names: str) -> Context:
    return Context(settings(sections=names), Work(tmp_path), lambda *_: None)


def predicted(classifier: Classifier, title: str = "conv 1") -> Predicted:
    """Films of noise of three classes."""
    pixels = np.random.default_rng(1).integers(0, 256, (N, 32, 32)).astype(np.uint8)
    p = classifier.run(pixels[..., None]).probabilities.astype(float)
    meta = classifier.bundle.meta
    return Predicted(
        title=title,
        classifier=classifier,
        truth=Truth((CLASSES > 0).astype(float)[:, None], CLASSES, {}),
        p=p,
        outcomes=outcomes_of(p, meta),
        pixels=pixels,
        hashes=tuple(f"{i:x}" for i in range(N)),
        patients=tuple(f"p{i}" for i in range(N)),
        training=None,
        seconds=(1.0, 1.0),
    )


FILMS = replace(drawn_films(), films=tuple(evaluated_film(i) for i in range(N)))


def test_nothing_that_was_not_asked_for_is_measured(conv: Classifier, tmp_path: Path) -> None:
    made = predicted(conv)
    target = question((1 - made.p[:, 0]).tolist(), (CLASSES > 0).tolist())
    result = slow_sections(made, [target], FILMS, context(tmp_path))
    assert (result.robustness, result.gallery, result.anatomy, result.sanity) == (None,) * 4
    assert result.silences == {}
    assert not result.overlap.known


def test_films_of_one_class_have_no_anatomy(conv: Classifier, tmp_path: Path) -> None:
    made = predicted(conv)
    target = question((1 - made.p[:, 0]).tolist(), [True] * N)
    result = slow_sections(made, [target], FILMS, context(tmp_path, "anatomy"))
    assert result.silences == {"anatomy": "all films are of one class"}
    assert (result.anatomy, result.anatomy_of) == (None, "")


def test_heatmaps_are_checked_in_both_ways(conv: Classifier, tmp_path: Path) -> None:
    made = context(tmp_path, "sanity")
    result = slow_sections(predicted(conv), [], FILMS, made)
    assert result.sanity is not None
    assert result.sanity.randomisation is not None
    assert [depth.layer for depth in result.sanity.randomisation.depths] == ["cam", "conv"]
    assert result.sanity.perturbation is not None
    assert result.silences == {}
    assert "heatmaps" in made.seconds


def test_a_missing_extra_leaves_the_other_check(
    conv: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_arguments: object, **_settings: object) -> None:
        raise MissingExtra("random weights", "train")

    monkeypatch.setattr(sections.heatmap_sanity, "randomisation", missing)
    result = slow_sections(predicted(conv), [], FILMS, context(tmp_path, "sanity"))
    assert result.sanity is not None
    assert result.sanity.randomisation is None
    assert result.sanity.perturbation is not None
    assert result.silences["sanity"].startswith("randomised weights: ")


def test_no_check_of_heatmaps_gives_both_reasons(
    conv: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object, **_settings: object) -> None:
        raise UsageError("all maps are blank")

    monkeypatch.setattr(sections.heatmap_sanity, "randomisation", refused)
    monkeypatch.setattr(sections, "perturbation", refused)
    result = slow_sections(predicted(conv), [], FILMS, context(tmp_path, "sanity"))
    assert result.sanity is None
    assert result.silences["sanity"] == (
        "randomised weights: all maps are blank; deletion and insertion: all maps are blank"
    )


def test_the_gallery_has_no_neighbours_without_training_films(
    conv: Classifier, tmp_path: Path
) -> None:
    made = predicted(conv)
    target = question((1 - made.p[:, 0]).tolist(), (CLASSES > 0).tolist())
    result = slow_sections(made, [target], FILMS, context(tmp_path, "gallery"))
    assert result.gallery is not None
    assert result.gallery.training_films == 0
    assert all(film.neighbours == () for film in result.gallery.films)


def test_agreement_says_why_it_was_not_measured(
    conv: Classifier, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    made = predicted(conv)
    assert agreement_of([made, made], context(tmp_path)) == (None, "left out on request")
    with_sanity = context(tmp_path, "sanity")
    assert agreement_of([made], with_sanity) == (
        None, "one bundle was evaluated: there are no other seeds to agree with",
    )  # fmt: skip
    other = replace(made, classifier=load_bundle(tiny_bundle))  # another source size
    assert agreement_of([made, other], with_sanity) == (None, "the bundles have different labels")


def test_every_section_draws_as_often_as_the_settings_say(
    conv: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    draw = Bootstrap.of

    def counted(*arguments: Any, **named: Any) -> Bootstrap:
        boot = draw(*arguments, **named)
        counts.append(len(boot.counts) - 1)  # the first weighs all films alike
        return boot

    monkeypatch.setattr(Bootstrap, "of", counted)
    made = predicted(conv)
    target = question((1 - made.p[:, 0]).tolist(), (CLASSES > 0).tolist())
    sections_of_heat = context(tmp_path, "anatomy", "sanity")
    result = slow_sections(made, [target], FILMS, sections_of_heat)
    assert None not in (result.anatomy, result.sanity)
    assert agreement_of([made, predicted(conv, "b")], sections_of_heat)[0] is not None
    assert set(counts) == {sections_of_heat.settings.draws}


def test_a_bundle_agrees_with_itself_and_not_with_another(conv: Classifier, tmp_path: Path) -> None:
    with_sanity = context(tmp_path, "sanity")
    first, same = predicted(conv, "a"), predicted(conv, "b")
    agreement, reason = agreement_of([first, same], with_sanity)
    assert reason == ""
    assert agreement is not None
    assert list(agreement.pairs) == ["a and b"]
    assert agreement.pairs["a and b"].rank.value == pytest.approx(1)
    assert agreement.films == N
    turned = Classifier(conv_bundle(tmp_path / "other", offset=1.5))
    changed, _ = agreement_of([first, predicted(turned, "b")], with_sanity)
    assert changed is not None
    assert changed.mean.rank.value is not None
    assert changed.mean.rank.value < 0.999


def test_shortcuts_need_two_groups(tiny_bundle: Bundle, tmp_path: Path) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:2], PNEUMONIA=BRIGHT[:2])
    listing, _ = open_films(root)
    classifier = load_bundle(tiny_bundle)
    normal = [entry for entry in listing.entries if entry.name.startswith("NORMAL")]
    assert shortcuts_of(listing, normal, classifier, context(tmp_path / "work")) == ()


def test_shortcuts_are_measured_on_the_evaluated_films_only(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folders(tmp_path / "films", NORMAL=DARK[:3], PNEUMONIA=BRIGHT[:3])
    shutil.copy(root / "NORMAL" / "NORMAL00.png", root / "PNEUMONIA" / "PNEUMONIA09.png")
    (root / "NORMAL" / "NORMAL01.png").write_bytes(b"")
    listing, _ = open_films(root)
    steps: list[tuple[int, int]] = []
    calls: list[tuple[Contrast, Reading, list[str], list[int]]] = []

    def measure(
        contrast: Contrast,
        reading: Reading,
        patients: list[str],
        groups: list[int],
        step: Callable[[], None],
    ) -> str:
        calls.append((contrast, reading, patients, groups))
        step()
        return contrast.name

    def progress(done: int, total: int, what: str) -> None:
        if what == "shortcuts":
            steps.append((done, total))

    monkeypatch.setattr(sections, "measure", measure)
    made = Context(settings(), Work(tmp_path / "work"), progress)
    evaluated = [e for e in listing.entries if e.name != "PNEUMONIA/PNEUMONIA02.png"]
    names = shortcuts_of(listing, evaluated, load_bundle(tiny_bundle), made)
    assert names == ("PNEUMONIA against NORMAL",)
    ((contrast, reading, patients, groups),) = calls
    # Of six evaluated films one cannot be read.
    assert (len(contrast.rows), len(reading.rows), len(patients)) == (6, 5, 5)
    # A copy stays in one fold with its original.
    copies = [evaluated[int(row)].name for row in reading.rows]
    place = {name: i for i, name in enumerate(copies)}
    assert groups[place["NORMAL/NORMAL00.png"]] == groups[place["PNEUMONIA/PNEUMONIA09.png"]]
    assert len(set(groups)) == 4
    assert steps == [(1, sections.STEPS)]
