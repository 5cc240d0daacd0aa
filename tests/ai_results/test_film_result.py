"""Identity of a result."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pneumoscope.ai_results.film_result import name_based_uid
from pneumoscope.bundle import Bundle
from pneumoscope.records import Settings
from result_films import CREATED, result_of


def test_equal_results_have_equal_uids_and_others_have_not(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    later = replace(result, created=CREATED + timedelta(seconds=1))
    uids = {result.uid("sr"), result.uid("sc"), later.uid("sr")}
    assert len(uids) == 3
    assert replace(later, created=CREATED).uid("sr") == result.uid("sr")
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_each_bundle_is_a_device_of_its_own(tiny_bundle: Bundle, lungs_bundle: Bundle) -> None:
    assert result_of(tiny_bundle).device_uid != result_of(lungs_bundle).device_uid


def test_a_uid_follows_from_its_parts() -> None:
    assert name_based_uid("a", "bc") == name_based_uid("a", "bc")
    assert name_based_uid("a", "bc") != name_based_uid("ab", "c")


def test_times_are_those_of_the_films_zone(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle, TimezoneOffsetFromUTC="+0530")
    assert result.local.strftime("%H%M%S %z") == "103607 +0530"


def test_why_there_is_no_heatmap(tiny_bundle: Bundle) -> None:
    assert result_of(tiny_bundle).why_no_heatmap == ""
    assert result_of(tiny_bundle, settings=Settings(explain="none")).why_no_heatmap != ""


def test_the_heatmap_is_enlarged_once_for_all_objects_of_a_size(tiny_bundle: Bundle) -> None:
    result = result_of(tiny_bundle)
    assert result.heat(20, 30) is result.heat(20, 30)
    assert result.heat(30, 20).shape == (30, 20)
    assert result.heat(20, 30).max() <= 1
