from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.shares import share_figure


def test_a_share_is_of_the_films_among_which_it_is_counted() -> None:
    # 20 patients with 2 films each; of the first 10 patients' 20 films 5 are counted.
    boot = Bootstrap.of([f"p{i // 2}" for i in range(40)], draws=500)
    films, among = np.arange(40) % 4 == 0, np.arange(40) < 20
    figure = share_figure(films, among, boot)
    assert figure.value == pytest.approx(5 / 20)
    assert figure.low is not None
    assert figure.high is not None
    assert 0 < figure.low < 0.25 < figure.high < 1


def test_a_share_of_none_has_the_exact_interval_of_its_patients() -> None:
    boot = Bootstrap.of([f"p{i // 2}" for i in range(40)], draws=100)
    figure = share_figure(np.zeros(40, bool), np.arange(40) < 30, boot)
    # 30 films of 15 patients: 1 - 0.025 ** (1 / 15).
    assert (figure.value, figure.low) == (0.0, 0.0)
    assert figure.high == pytest.approx(1 - 0.025 ** (1 / 15))


def test_films_that_do_not_exist_have_no_share() -> None:
    boot = Bootstrap.of([str(i) for i in range(20)], draws=100)
    figure = share_figure(np.ones(20, bool), np.zeros(20, bool), boot, "no film of class viral")
    assert (figure.value, figure.note) == (None, "no film of class viral")
    with pytest.raises(UsageError, match="films: 19 values for 20 films"):
        share_figure(np.ones(19, bool), np.ones(20, bool), boot)
