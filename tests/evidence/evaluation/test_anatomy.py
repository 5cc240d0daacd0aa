"""Films with and without lungs: known answers where the lungs are drawn by hand."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2")
pytest.importorskip("sklearn")

from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation import anatomy, lung_views
from pneumoscope.evidence.evaluation.lung_field import LungField
from pneumoscope.evidence.evaluation.views import LabelledFilms
from pneumoscope.runtime import Classifier

SIDE = 64
FIELD = np.zeros((SIDE, SIDE), bool)
FIELD[16:48, 8:24] = FIELD[16:48, 40:56] = True
OUTLINES = np.random.default_rng(9).random((2, 32, 2)).astype(np.float32)


@pytest.fixture
def drawn_lungs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The field is `FIELD`; outlines depend on the brightness of the film's corner."""

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
    result = anatomy.measure(
        Classifier(tiny_bundle), films(inside=True), step=lambda *at: steps.append(at)
    )
    views = {view.name: view for view in result.views}
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
    assert (result.films, result.patients, result.doubted) == (40, 40, 0)
    assert (result.finder, result.check) == ("classical", None)
    assert steps[-1] == (11, 11)
    assert result.hidden_by_places == 1.0
    assert result.area_of_places == 2 * 32 * 16 / 64**2
    assert result.box_auc.value == 0.5
    json.dumps(asdict(result), allow_nan=False)


@pytest.mark.usefixtures("drawn_lungs")
def test_what_lies_around_the_lungs_stays(tiny_bundle: Bundle) -> None:
    result = anatomy.measure(Classifier(tiny_bundle), films(inside=False))
    views = {view.name: view for view in result.views}
    for name in (lung_views.NO_LUNGS, lung_views.NO_LUNGS_SMOOTH):
        assert views[name].roc_auc.value == 1.0
        assert views[name].needs_anatomy is not None
        assert views[name].needs_anatomy.value == pytest.approx(0.0)
    low, high = views[lung_views.WHOLE].mean_score
    assert low is not None
    assert high is not None
    assert low < high
    # Outlines that show how bright the corner is predict the label.
    assert result.outline_auc.value == 1.0


@pytest.mark.usefixtures("drawn_lungs")
def test_a_network_that_looks_for_lungs_is_measured_with_its_own(lungs_bundle: Bundle) -> None:
    """Its lungs are the bright cells, on these films everything but `FIELD`."""
    given = films(inside=False)
    bright = np.where(FIELD, 20, 128 + given.pixels // 2).astype(np.uint8)  # at least 158
    steps: list[tuple[int, int]] = []
    result = anatomy.measure(
        Classifier(lungs_bundle),
        LabelledFilms(bright, given.targets, given.patients),
        step=lambda *at: steps.append(at),
    )
    assert result.finder == "network"
    assert steps[-1] == (11, 11)
    views = {view.name: view for view in result.views}
    # All that differs between the films lies on its lungs, and nothing on the hand-drawn ones.
    assert views[lung_views.LUNGS].roc_auc.value == 1.0
    check = result.check
    assert check is not None
    assert check.roc_auc.keys() == {lung_views.NO_LUNGS, lung_views.LUNGS}
    assert check.roc_auc[lung_views.NO_LUNGS].value == 1.0
    assert check.roc_auc[lung_views.LUNGS].value == 0.5
    assert check.dice.value is not None
    assert check.dice.value < 0.1
    assert check.dice_without_doubts == check.dice
    network, other = result.heat["bacterial"], check.heat["bacterial"]
    assert network.in_lungs.value is not None
    assert other.in_lungs.value is not None
    assert network.in_lungs.value > 0.9 > 0.1 > other.in_lungs.value
    json.dumps(asdict(result), allow_nan=False)


@pytest.mark.usefixtures("drawn_lungs")
def test_one_class_only_says_so(tiny_bundle: Bundle) -> None:
    both = films(inside=True)
    some = LabelledFilms(both.pixels[::2], both.targets[::2], both.patients[::2])
    result = anatomy.measure(Classifier(tiny_bundle), some)
    assert result.views[0].roc_auc.value is None
    assert "one class" in result.views[0].roc_auc.note
    assert "too few" in result.outline_auc.note
    assert result.views[1].needs_anatomy is not None
    assert result.views[1].needs_anatomy.value is None
    assert result.views[0].mean_score[1] is None
    json.dumps(asdict(result), allow_nan=False)


@pytest.mark.usefixtures("drawn_lungs")
def test_several_findings_need_a_name(findings_bundle: Bundle) -> None:
    classifier = Classifier(findings_bundle)
    pairs = films(inside=True)
    targets = pairs.targets.copy()
    targets[0] = np.nan
    partly_labelled = LabelledFilms(pairs.pixels, targets, pairs.patients)
    with pytest.raises(UsageError, match="several findings"):
        anatomy.measure(classifier, partly_labelled)
    with pytest.raises(UsageError, match="no label"):
        anatomy.measure(classifier, partly_labelled, finding="Gout")
    result = anatomy.measure(classifier, partly_labelled, finding="Mass")
    assert result.views[0].roc_auc.value is not None
    assert result.heat["Mass"].films == 20


def test_films_that_do_not_fit_are_refused(tiny_bundle: Bundle) -> None:
    pairs = films(inside=True)
    for broken in (
        LabelledFilms(pairs.pixels, pairs.targets[:, :2], pairs.patients),
        LabelledFilms(pairs.pixels, pairs.targets, pairs.patients[1:]),
        LabelledFilms(pairs.pixels.astype(np.float32), pairs.targets, pairs.patients),  # type: ignore[arg-type]
        LabelledFilms(pairs.pixels[:0], pairs.targets[:0], []),
    ):
        with pytest.raises(UsageError):
            anatomy.measure(Classifier(tiny_bundle), broken)


@pytest.mark.slow
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


@pytest.mark.usefixtures("drawn_lungs")
def test_without_heatmaps_there_is_no_heat_to_locate(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle)
    classifier.bundle = replace(tiny_bundle, meta=replace(tiny_bundle.meta, heatmaps=False))
    result = anatomy.measure(classifier, films(inside=False))
    assert result.heat == {}
    assert result.views
