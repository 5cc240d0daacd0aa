"""Heat by class and region: which films count."""

from __future__ import annotations

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import evaluated_film
from pneumoscope.data.boxes import Box
from pneumoscope.evidence.evaluation.heat_regions import class_heats, region_heats
from pneumoscope.evidence.evaluation.localisation_results import BOXES, ILL_SIDE
from pneumoscope.evidence.statistics.intervals import Bootstrap
from tiny import findings_meta, tiny_meta

NAN = float("nan")


def test_the_verdicts_map_is_that_of_all_kinds() -> None:
    maps = np.arange(3 * 3 * 4, dtype=float).reshape(3, 3, 2, 2)
    p = np.array([[0.8, 0.05, 0.15], [0.1, 0.6, 0.3], [0.2, 0.3, 0.5]])
    # Normal, bacterial, and ill in an unknown way.
    targets = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, NAN, NAN]])
    heats = class_heats(maps, p, targets, tiny_meta())
    assert [heat.name for heat in heats] == ["PNEUMONIA", "normal", "bacterial", "viral"]
    assert heats[0].films.tolist() == [False, True, True]
    # Grad-CAM: each kind by its share of P(PNEUMONIA), 1/4 and 3/4, 2/3 and 1/3, 3/8 and 5/8.
    by_share = [
        (maps[i, 1] * b + maps[i, 2] * (1 - b)) for i, b in enumerate((1 / 4, 2 / 3, 3 / 8))
    ]
    assert heats[0].maps == pytest.approx(np.stack(by_share), rel=1e-6)
    shared = class_heats(maps, p, targets, tiny_meta(), are_shares=True)
    assert (shared[0].maps == maps[:, 1] + maps[:, 2]).all()
    assert heats[2].films.tolist() == [False, True, False]
    findings = class_heats(maps, p, targets, findings_meta())
    assert [heat.name for heat in findings] == list(findings_meta().labels)


def test_films_by_class_and_region() -> None:
    """Twelve ill films with a box in the left half: the heat of nine is there, of two not, one is blank."""
    maps = np.zeros((14, 3, 4, 4))
    maps[:9, :, 1, 0] = 2.0
    maps[9:11, :, 1, 3] = 1.0
    maps[12:, :, 1, 3] = 1.0
    targets = np.array([[0.0, 1.0, 0.0]] * 13 + [[1.0, 0.0, 0.0]])
    films = [evaluated_film(i, boxes=(Box(0.0, 0.0, 0.25, 0.5),)) for i in range(12)]
    films += [evaluated_film(12, boxes=()), evaluated_film(13)]  # without boxes
    boot = Bootstrap.of([film.patient for film in films], 200)
    steps: list[tuple[int, int]] = []
    heats = class_heats(maps, np.full((14, 3), 1 / 3), targets, tiny_meta())
    results = region_heats(heats, films, boot, lambda *at: steps.append(at))
    by_name = {(r.region, r.heat_of): r for r in results}
    assert set(by_name) == {(r, c) for r in (BOXES, ILL_SIDE) for c in ("PNEUMONIA", "bacterial")}
    boxes = by_name[BOXES, "bacterial"]
    assert (boxes.films, boxes.patients, boxes.blank) == (11, 11, 1)
    assert boxes.share.value == boxes.peak.value == pytest.approx(9 / 11)
    assert boxes.area == pytest.approx(1 / 8)
    assert boxes.share.low is not None
    assert boxes.share.low < 9 / 11
    side = by_name[ILL_SIDE, "PNEUMONIA"]
    assert (side.share.value, side.area) == (pytest.approx(9 / 11), 0.5)
    assert steps[-1] == (14, 14)


def test_blank_maps_only() -> None:
    films = [evaluated_film(i, boxes=(Box(0, 0, 1, 1),)) for i in range(3)]
    heats = class_heats(
        np.zeros((3, 3, 2, 2)),
        np.full((3, 3), 1 / 3),
        np.tile([0.0, 1.0, 0.0], (3, 1)),
        tiny_meta(),
    )
    result = region_heats(heats, films, Bootstrap.of(["a", "b", "c"], 20))[0]
    assert (result.films, result.blank, result.area, result.share.value) == (0, 3, None, None)
    assert result.share.note == "no film of this class has heat"
