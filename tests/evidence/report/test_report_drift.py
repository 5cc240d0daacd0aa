"""The page of a drift test."""

from __future__ import annotations

import numpy as np

import drawings
import section_blocks as blocks_of
from pneumoscope.evidence.report.blocks import Note
from pneumoscope.evidence.report.drift import report_of
from pneumoscope.evidence.site.drift import Channel, Drift
from report_pages import parsed
from tiny import site_profile


def channel(name: str, evidence: list[float], alarm: int | None = None) -> Channel:
    return Channel(
        name=name,
        reference=1050,
        films=len(evidence),
        positions=np.arange(len(evidence)) * 2,
        evidence=np.array(evidence),
        alarm=alarm,
        since=None if alarm is None else 0,
        before=0.25,
        after=1.75,
    )


def drift(*channels: Channel, silent: tuple[str, ...] = ()) -> Drift:
    return Drift(profile="ward", alpha=0.05, films=9, unread=0, channels=channels, silent=silent)


QUIET, LOUD = channel("log odds", [0.5, 0.7, 0.6]), channel("refused", [0.5, 30.0, 2500.0], 2)


def test_an_alarm_is_a_warning_with_its_film(quick: None) -> None:
    page = report_of(drift(QUIET, LOUD), site_profile())
    first = page.blocks[0]
    assert isinstance(first, Note)
    assert (first.title, first.kind) == ("Alarm.", "mind")
    assert "Refused is higher than at calibration: mean 1.75, before 0.25; alarm at film 3" in (
        first.text
    )


def test_no_alarm_is_no_proof(quick: None) -> None:
    page = report_of(drift(QUIET), site_profile())
    first = page.blocks[0]
    assert isinstance(first, Note)
    assert (first.title, first.kind) == ("No alarm.", "read")
    assert "it does not prove that nothing has changed" in blocks_of.text(page.blocks)


def test_each_channel_has_its_row(quick: None) -> None:
    assert blocks_of.rows(report_of(drift(QUIET, LOUD), site_profile()).blocks, "channel") == {
        "log odds": ("1,050", "3", "0.250", "1.750", "0.7", "none"),
        "refused": ("1,050", "3", "0.250", "1.750", "2.5e+03", "film 3"),
    }


def test_evidence_is_drawn_film_by_film_up_to_the_alarm() -> None:
    drawn = drawings.all_drawings(lambda: report_of(drift(QUIET, LOUD), site_profile()))
    (axes,) = drawn["drift-evidence"].axes
    # Positions count from 0 and may leave films out; the axis counts from 1.
    assert drawings.points(drawings.line(axes, "refused")) == [(1, 0.5), (3, 30.0), (5, 2500.0)]
    (dotted,) = [item for item in axes.lines if item.get_linestyle() == ":"]
    assert set(dotted.get_ydata()) == {20.0}  # 1 / 0.05
    assert axes.get_yscale() == "log"


def test_evidence_of_almost_nothing_can_still_be_drawn() -> None:
    gone = channel("log odds", [0.5, 1e-30, 0.0])
    drawn = drawings.all_drawings(lambda: report_of(drift(gone), site_profile()))
    (axes,) = drawn["drift-evidence"].axes
    assert min(drawings.line(axes, "log odds").get_ydata()) == 1e-6


def test_eight_channels_can_be_told_apart() -> None:
    channels = [channel(f"gate: {i}", [1.0, 2.0, 3.0]) for i in range(8)]
    drawn = drawings.all_drawings(lambda: report_of(drift(*channels), site_profile()))
    (axes,) = drawn["drift-evidence"].axes
    looks = {(item.get_color(), item.get_linestyle()) for item in axes.lines[:8]}
    assert len(looks) == 8


def test_channels_that_were_not_compared_are_named(quick: None) -> None:
    page = report_of(drift(QUIET, silent=("gate: blur",)), site_profile())
    assert blocks_of.points(page.blocks) == [
        "Not compared, because one side has no values: gate: blur."
    ]
    assert blocks_of.points(report_of(drift(QUIET), site_profile()).blocks) == []


def test_the_page_names_profile_and_bundle(quick: None) -> None:
    page = report_of(drift(QUIET), site_profile(name="Ward <7>"))
    assert page.title == "Drift at Ward <7>"
    assert page.subtitle.startswith("9 predictions against 40 films of the profile · tiny 1 · ")
    assert parsed(page).open == []
