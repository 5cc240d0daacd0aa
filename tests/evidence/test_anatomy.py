"""Films with and without lungs: known answers where the lungs are drawn by hand."""

from __future__ import annotations

import io
import json
from dataclasses import asdict

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2")
pytest.importorskip("sklearn")

from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation import anatomy, lung_views
from pneumoscope.evidence.evaluation.heat_shares import heat_shares
from pneumoscope.evidence.evaluation.lung_field import LungField
from pneumoscope.evidence.evaluation.lung_views import (
    box_of,
    filled_from_around,
    places_of,
    without_lungs,
)
from pneumoscope.evidence.evaluation.views import LabelledFilms
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.runtime import Classifier

SIDE = 64
FIELD = np.zeros((SIDE, SIDE), bool)
FIELD[16:48, 8:24] = FIELD[16:48, 40:56] = True
OUTLINES = np.random.default_rng(9).random((2, 32, 2)).astype(np.float32)


@pytest.fixture
def drawn_lungs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The field is `FIELD`; outlines say how bright the film's corner is."""

    def field(film: NDArray[np.uint8]) -> LungField:
        return LungField(FIELD, OUTLINES + np.float32(film[0, 0] / 255), 1.0, ())

    monkeypatch.setattr(anatomy, "lung_field", field)


def films(inside: bool) -> LabelledFilms:
    """Twenty pairs, one normal and one bacterial film each, that differ in or around the lungs only."""
    pixels, targets = [], []
    for level in np.linspace(60, 120, 20):
        for ill in (False, True):
            film = np.full((SIDE, SIDE), round(level), np.uint8)
            film[FIELD] = 50
            film[FIELD if inside else ~FIELD] += 100 * ill
            pixels.append(film)
            targets.append([1.0 - ill, float(ill), 0.0])
    return LabelledFilms(np.stack(pixels), np.array(targets), [str(i) for i in range(40)])


@pytest.mark.usefixtures("drawn_lungs")
def test_what_lies_in_the_lungs_is_gone_without_them(tiny_bundle: Bundle) -> None:
    steps: list[tuple[int, int]] = []
    found = anatomy.measure(
        Classifier(tiny_bundle), films(inside=True), step=lambda *at: steps.append(at)
    )
    views = {view.name: view for view in found.views}
    smooth = views[lung_views.NO_LUNGS_SMOOTH]
    assert smooth.roc_auc.value == 0.5  # every ill film has a healthy twin
    assert (
        views[lung_views.NO_PLACES].roc_auc.value == views[lung_views.NO_LUNGS].roc_auc.value == 0.5
    )
    assert smooth.lost is not None
    assert smooth.lost.value == pytest.approx(views[lung_views.WHOLE].roc_auc.value - 0.5)
    assert smooth.needs_anatomy is not None
    assert smooth.needs_anatomy.value == pytest.approx(1.0)
    assert views[lung_views.SILHOUETTE].roc_auc.value == 0.5  # all films alike
    assert views[lung_views.LUNGS].roc_auc.value == 1.0
    assert views[lung_views.COARSE].needs_anatomy is None
    assert (found.films, found.patients, found.doubted) == (40, 40, 0)
    assert steps[-1] == (11, 11)
    assert found.hidden_by_places == 1.0
    assert found.area_of_places == 2 * 32 * 16 / 64**2
    assert found.box_auc.value == 0.5
    json.dumps(asdict(found), allow_nan=False)


@pytest.mark.usefixtures("drawn_lungs")
def test_what_lies_around_the_lungs_stays(tiny_bundle: Bundle) -> None:
    found = anatomy.measure(Classifier(tiny_bundle), films(inside=False))
    views = {view.name: view for view in found.views}
    for name in (lung_views.NO_LUNGS, lung_views.NO_LUNGS_SMOOTH):
        assert views[name].roc_auc.value == 1.0
        assert views[name].needs_anatomy is not None
        assert views[name].needs_anatomy.value == pytest.approx(0.0)
    low, high = views[lung_views.WHOLE].mean_score
    assert low is not None
    assert high is not None
    assert low < high
    # Outlines that tell how bright the corner is give the label away.
    assert found.outline_auc.value == 1.0


@pytest.mark.usefixtures("drawn_lungs")
def test_one_class_only_says_so(tiny_bundle: Bundle) -> None:
    both = films(inside=True)
    some = LabelledFilms(both.pixels[::2], both.targets[::2], both.patients[::2])
    found = anatomy.measure(Classifier(tiny_bundle), some)
    assert found.views[0].roc_auc.value is None
    assert "one class" in found.views[0].roc_auc.note
    assert "too few" in found.outline_auc.note
    assert found.views[1].needs_anatomy is not None
    assert found.views[1].needs_anatomy.value is None
    assert found.views[0].mean_score[1] is None
    json.dumps(asdict(found), allow_nan=False)


@pytest.mark.usefixtures("drawn_lungs")
def test_several_findings_need_a_name(findings_bundle: Bundle) -> None:
    classifier = Classifier(findings_bundle)
    own = films(inside=True)
    targets = own.targets.copy()
    targets[0] = np.nan
    some = LabelledFilms(own.pixels, targets, own.patients)
    with pytest.raises(UsageError, match="several findings"):
        anatomy.measure(classifier, some)
    with pytest.raises(UsageError, match="no label"):
        anatomy.measure(classifier, some, finding="Gout")
    found = anatomy.measure(classifier, some, finding="Mass")
    assert found.views[0].roc_auc.value is not None
    assert found.heat["Mass"].films == 20


def test_films_that_do_not_fit_are_refused(tiny_bundle: Bundle) -> None:
    own = films(inside=True)
    for broken in (
        LabelledFilms(own.pixels, own.targets[:, :2], own.patients),
        LabelledFilms(own.pixels, own.targets, own.patients[1:]),
        LabelledFilms(own.pixels.astype(np.float32), own.targets, own.patients),  # type: ignore[arg-type]
        LabelledFilms(own.pixels[:0], own.targets[:0], []),
    ):
        with pytest.raises(UsageError):
            anatomy.measure(Classifier(tiny_bundle), broken)


def test_fills_by_hand() -> None:
    film = np.full((SIDE, SIDE), 100, np.uint8)
    film[FIELD] = 20
    np.testing.assert_array_equal(without_lungs(film, FIELD), 100)
    np.testing.assert_array_equal(without_lungs(film, ~FIELD), 20)
    np.testing.assert_array_equal(filled_from_around(film, FIELD), 100)
    ramp = np.repeat(np.arange(60, 60 + SIDE, dtype=np.uint8)[:, None], SIDE, axis=1)
    gap = filled_from_around(ramp, FIELD).astype(int) - ramp
    assert np.abs(gap).max() <= 12
    everything = np.ones_like(FIELD)
    mean = round(100 - 80 * 1024 / 4096)  # 1,024 of 4,096 pixels are lungs
    np.testing.assert_array_equal(filled_from_around(film, everything), mean)
    np.testing.assert_array_equal(without_lungs(film, everything), mean)


def test_box_by_hand() -> None:
    box = box_of(FIELD)
    assert box.sum() == 32 * 48
    assert box[16:48, 8:56].all()
    assert not box_of(np.zeros((4, 4), bool)).any()


def test_places_by_hand() -> None:
    masks = np.zeros((100, 4, 4), bool)
    masks[:, 0, 0] = True
    masks[:3, 1, 1] = True
    masks[:2, 2, 2] = True  # no more than 2 %
    assert np.argwhere(places_of(masks)).tolist() == [[0, 0], [1, 1]]


def test_heat_shares_by_hand() -> None:
    heat = np.zeros((12, 2, 2, 2))
    heat[:, 0] = [[3.0, 1.0], [0.0, 0.0]]
    masks = np.zeros((12, 4, 4), bool)
    masks[:, :2, :1] = True  # half of the upper left cell
    bodies = np.ones((12, 4, 4), bool)
    bodies[:, :, 2:] = False
    targets = np.array([[1.0, 0.0]] * 11 + [[0.0, 1.0]])
    boot = Bootstrap.of([str(i) for i in range(12)])
    found = heat_shares(heat, masks, bodies, targets, ("a", "b"), boot)
    assert found["a"].films == 11
    assert found["a"].in_lungs.value == pytest.approx(0.375)  # half of 3 of 4
    assert found["a"].area_of_lungs == 0.125
    assert found["a"].outside_body.value == pytest.approx(0.25)
    assert found["a"].area_outside_body == 0.5
    assert (found["b"].films, found["b"].blank) == (0, 1)
    assert found["b"].in_lungs.value is None


@pytest.mark.usefixtures("drawn_lungs")
def test_plot(tiny_bundle: Bundle) -> None:
    pytest.importorskip("matplotlib")
    from pneumoscope.evidence.report.plots.anatomy import plot_anatomy

    canvas = plot_anatomy(anatomy.measure(Classifier(tiny_bundle), films(inside=True)))
    names = [text.get_text() for text in canvas.axes[0].get_yticklabels()]
    assert names[-1] == lung_views.WHOLE
    assert len(names) == 11
    target = io.BytesIO()
    canvas.savefig(target, format="svg")
    assert lung_views.COARSE in target.getvalue().decode()
