from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from command_line import run
from pneumoscope.bundle import Bundle
from pneumoscope.decision.profile import write_profile
from pneumoscope.errors import UsageError
from pneumoscope.evidence.site.drift import GATE, REFUSED, SCORE, watch
from pneumoscope.evidence.site.drift_record import to_json, words_of
from pneumoscope.render.written import Written
from tiny import site_profile


def p_of(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def stretch(values: list[float]) -> list[Written]:
    return [Written(f"{i}.png", p=p_of(x)) for i, x in enumerate(values)]


def normal(number: int, mean: float = 0.0, seed: int = 0) -> list[float]:
    return sorted((mean + np.random.default_rng(seed).standard_normal(number)).tolist())


def test_a_shift_raises_an_alarm_and_gives_its_start() -> None:
    quiet = np.random.default_rng(5).standard_normal(200).tolist()
    loud = (2 + np.random.default_rng(6).standard_normal(100)).tolist()
    profile = site_profile(reference={SCORE: tuple(normal(100))})
    drift = watch(stretch(quiet + loud), profile)
    (channel,) = drift.channels
    assert drift.alarm
    assert channel.alarm is not None
    assert channel.since is not None
    assert 200 <= channel.alarm < 240
    assert 180 <= channel.since <= channel.alarm
    assert channel.after > 1.5
    assert channel.evidence[channel.alarm] >= 20 > channel.evidence[: channel.alarm].max()
    assert "log odds is higher than at calibration" in words_of(drift)[0]
    assert to_json(drift)["channels"][0]["alarm_at_film"] == channel.alarm + 1
    assert not watch(stretch(quiet), profile).alarm


def test_every_channel_has_its_share_of_false_alarms() -> None:
    profile = site_profile(
        reference={
            SCORE: tuple(normal(50)),
            GATE + "distance": tuple(normal(50)),
            REFUSED: (0.0,) * 50,
        }
    )
    films = [Written("a.png", p=0.5, refused=False, scores={"distance": 0.1, "blur": 1.0})]
    drift = watch(films, profile)
    assert [c.name for c in drift.channels] == [SCORE, GATE + "distance", REFUSED]
    assert drift.silent == (GATE + "blur",)
    # One film moves a stake by at most a factor of 2; of refusals there are none.
    assert all(1 / 6 <= c.evidence[0] <= 2 / 3 for c in drift.channels)
    assert drift.channels[2].evidence[0] == pytest.approx(1 / 3)


def test_values_that_are_all_equal_say_nothing() -> None:
    profile = site_profile(reference={REFUSED: (0.0,) * 60})
    drift = watch([Written(f"{i}.png", refused=False) for i in range(50)], profile)
    assert drift.channels[0].evidence.tolist() == pytest.approx([1.0] * 50)


def test_refusals_are_a_channel() -> None:
    profile = site_profile(reference={REFUSED: (0.0,) * 97 + (1.0,) * 3})
    films = [Written(f"{i}.png", refused=i % 2 == 0) for i in range(100)]
    drift = watch(films, profile)
    assert drift.alarm
    assert (drift.channels[0].before, "refused is higher" in words_of(drift)[0]) == (0.03, True)


def test_the_site_s_calibration_is_undone() -> None:
    # With the profile of test_profile the log odds 0 become 0 * 0.5 + 1.
    profile = site_profile(reference={SCORE: tuple(normal(40))})
    mapped = [Written("a.png", p=p_of(1.0), profile="ward")] * 30
    plain = [Written("a.png", p=p_of(0.0))] * 30
    first, second = (watch(films, profile).channels[0] for films in (mapped, plain))
    assert first.evidence.tolist() == second.evidence.tolist()


@pytest.mark.parametrize(
    ("films", "alpha", "why"),
    [
        ([Written("a.png", p=0.5)], 1.0, "not between 0 and 1"),
        ([Written("a.png", read=False)], 0.05, "no film"),
        ([Written("a.png", refused=True)], 0.05, "no reference"),
    ],
)
def test_what_cannot_be_compared_is_refused(films: list[Written], alpha: float, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        watch(films, site_profile(reference={SCORE: tuple(normal(40))}), alpha)


@pytest.mark.slow
def test_the_command_of_drift(tiny_bundle: Bundle, tmp_path: Path) -> None:
    profile = site_profile(bundle_sha256=tiny_bundle.sha256, reference={SCORE: tuple(normal(60))})
    write_profile(tmp_path / "site.json", profile)

    def written(name: str, values: list[float]) -> Path:
        records = [
            {"source": f"{i}.png", "p_positive": p_of(x), "bundle_sha256": tiny_bundle.sha256}
            for i, x in enumerate(values)
        ]
        (tmp_path / name).write_text(json.dumps({"results": records}))
        return tmp_path / name

    quiet = written("quiet.json", np.random.default_rng(8).standard_normal(80).tolist())
    loud = written("loud.json", [3.0 + 0.01 * i for i in range(40)])
    site = ("--profile", tmp_path / "site.json")
    done = run("drift", quiet, *site)
    assert (done.returncode, "NO ALARM" in done.stdout) == (0, True), done.stderr
    page = tmp_path / "drift.html"
    done = run("drift", quiet, loud, *site, "--report", page)
    assert (done.returncode, "ALARM" in done.stdout) == (3, True), done.stderr
    assert page.read_text().lower().startswith("<!doctype html>")
    assert "Alarm." in page.read_text()
    record = json.loads(run("drift", quiet, loud, *site, "--json", "--last", 40).stdout)
    assert (record["films"], record["alarm"]) == (40, True)
    assert len(record["channels"][0]["evidence"]) == 40
    done = run("drift", quiet, *site, "--false-alarms", 1.2)
    assert (done.returncode, "1.2" in done.stderr) == (1, True)
    done = run("drift", tmp_path / "site.json", *site)
    assert (done.returncode, "not what predict writes" in done.stderr) == (1, True)
