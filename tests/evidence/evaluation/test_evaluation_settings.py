"""Sections and settings of an evaluation."""

from __future__ import annotations

import pytest

from evaluated import settings
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.bundle_results import left_out
from pneumoscope.evidence.evaluation.settings import (
    ANATOMY,
    GALLERY,
    PAIRS,
    SECTIONS,
    check_settings,
)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 5.0])
def test_a_prevalence_is_a_share(share: float) -> None:
    with pytest.raises(UsageError) as error:
        check_settings(settings(prevalences=(0.1, share)))
    assert str(error.value) == f"--prevalence {share:g} is not between 0 and 1"
    assert error.value.hint == "0.05 is 5 %."


@pytest.mark.parametrize("draws", [1, 0, -5])
def test_a_bootstrap_needs_two_draws(draws: int) -> None:
    with pytest.raises(UsageError) as error:
        check_settings(settings(draws=draws))
    assert str(error.value) == f"--draws {draws}"
    assert error.value.hint == "At least 2 are needed, 2000 are usual."


def test_settings_in_range_are_accepted() -> None:
    check_settings(settings(draws=2, prevalences=(1e-6, 0.5, 1 - 1e-6)))


def test_every_section_has_a_name_of_its_own() -> None:
    assert len(set(SECTIONS)) == len(SECTIONS) == 11


def test_sections_that_were_left_out_say_so_once() -> None:
    silences = {GALLERY: "no films"}
    left_out(silences, {GALLERY, ANATOMY}, settings(sections=(PAIRS,)))
    assert silences == {GALLERY: "left out on request", ANATOMY: "left out on request"}
    silences = {}
    left_out(silences, {GALLERY, ANATOMY}, settings(sections=(GALLERY, ANATOMY)))
    assert silences == {}
