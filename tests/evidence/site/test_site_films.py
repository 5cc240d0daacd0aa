from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from pneumoscope.bundle import Bundle
from pneumoscope.errors import DataError
from pneumoscope.evidence.site import films
from pneumoscope.records import GateReason, GateReport
from site_films import site_data
from tiny import tiny_meta


def gate_report(distance: float, *codes: str) -> GateReport:
    reasons = tuple(GateReason(code, "refuse", "", "") for code in codes)
    return GateReport(
        "refuse" if codes else "ok", reasons, {"distance": distance, "unsuitable": 0.9}
    )


def test_distances_of_a_site_move_its_limit_and_nothing_else() -> None:
    meta = tiny_meta(gate={"limits": {"distance": 1.0, "unsuitable": 0.5}, "measured": {}})
    far = gate_report(1.06, "outside-population")
    reports = [gate_report(0.5)] * 97 + [gate_report(1.04, "outside-population"), far, far]
    # ceil(0.98 * 101) = 99: the 99th of 100 distances. "unsuitable" stays the bundle's.
    limits = films.site_limits(reports, meta)
    assert limits == {"distance": 1.06}
    assert not films.is_refused(far, limits)
    assert films.is_refused(far, {})
    assert films.is_refused(gate_report(1.4, "outside-population"), limits)
    assert films.is_refused(gate_report(1.2, "outside-population", "inverted"), limits)
    assert films.site_limits(reports[:97], meta) == {}
    assert films.site_limits(reports, tiny_meta()) == {}


@pytest.mark.parametrize(
    ("well", "ill", "each", "why"),
    [
        (20, 0, 1, "no film of class PNEUMONIA"),
        (9, 20, 1, "9 films of class normal"),
        (20, 20, 10, "of 2 patients"),
    ],
)
def test_films_that_are_not_enough(
    tiny_bundle: Bundle, tmp_path: Path, well: int, ill: int, each: int, why: str
) -> None:
    data = site_data(tmp_path / "ward", [60] * well, [200] * ill, each=each)
    with pytest.raises(DataError, match=why):
        films.read(data, tiny_bundle)


def test_labels_that_the_bundle_does_not_know(tiny_bundle: Bundle, tmp_path: Path) -> None:
    data = site_data(tmp_path / "ward", [60] * 12, [200] * 12)
    table = data / "manifest.csv"
    table.write_text(
        table.read_text().replace(",pneumonia\n", ",nodule\n").replace(",normal\n", ",mass\n")
    )
    with pytest.raises(DataError, match="says nothing to the bundle"):
        films.read(data, tiny_bundle)


def test_nothing_can_be_read(tiny_bundle: Bundle, data: Path) -> None:
    for film in data.glob("*.png"):
        film.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="no film of class normal that can be read"):
        films.read(data, tiny_bundle)
