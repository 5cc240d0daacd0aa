from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.evidence.site.bundle_reference import reference_of
from pneumoscope.evidence.site.drift import REFUSED, SCORE, compare
from pneumoscope.render.written import Written
from tiny import scored_meta, tiny_files

LOGITS = {0.2: -1.3863, 0.4: -0.4055, 0.7: 0.8473, 0.8: 1.3863, 0.99: 4.5951, 0.01: -4.5951}


def test_the_validation_films_of_a_bundle(tmp_path: Path) -> None:
    gate = {"limits": {}, "measured": {"plain": {"films": 50, "refused": 0.04}}}
    meta = scored_meta(gate=gate)
    reference = reference_of(Bundle(tmp_path, meta, "0" * 64))
    assert reference is not None
    # Of normal films the scores are 1 - P: 0.2, 0.8 eight times, 0.99 ninety times.
    normal = [LOGITS[0.8]] + [LOGITS[0.2]] * 8 + [LOGITS[0.01]] * 90
    ill = [LOGITS[0.4]] + [LOGITS[0.7]] * 8 + [LOGITS[0.99]] * 90
    assert reference.channels[SCORE] == pytest.approx(sorted(normal + ill), abs=1e-4)
    assert reference.channels[REFUSED] == (0.0,) * 48 + (1.0,) * 2
    assert (reference.name, reference.calibration) == ("tiny 1", None)
    films = [Written(f"{i}", p=0.5, refused=True) for i in range(40)]
    assert compare(films, reference).alarm


def test_a_bundle_without_figures_has_no_reference(tiny_bundle: Bundle, tmp_path: Path) -> None:
    assert reference_of(tiny_bundle) is None
    few = {"limits": {}, "measured": {"plain": {"films": 19, "refused": 0.0}}}
    bundle = write_bundle(tmp_path / "b", scored_meta(), tiny_files(tmp_path / "parts"))
    reference = reference_of(Bundle(bundle.path, scored_meta(gate=few), "0" * 64))
    assert reference is not None
    assert set(reference.channels) == {SCORE}
