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
from pneumoscope.evidence.site.martingale import log_stakes, ranks
from pneumoscope.render.written import Written, check_source, one_per_patient, read_predictions
from tiny import site_profile


def p_of(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def stretch(values: list[float]) -> list[Written]:
    return [Written(f"{i}.png", p=p_of(x)) for i, x in enumerate(values)]


def normal(number: int, mean: float = 0.0, seed: int = 0) -> list[float]:
    return sorted((mean + np.random.default_rng(seed).standard_normal(number)).tolist())


class Half:
    """A generator whose numbers are all 1/2, for hand-computed ranks."""

    def random(self, number: int) -> np.ndarray:
        return np.full(number, 0.5)


def test_ranks_are_among_the_reference_and_the_films_before() -> None:
    found = ranks([1.0, 2.0, 3.0], np.array([2.5, 9.0, 2.0]), Half())  # type: ignore[arg-type]
    # One of 3 above, half of itself: 1.5 / 4. None of 4 above: 0.5 / 5. Above 2.0 are 2.5, 3, 9, and
    # it shares its place with another: (3 + 0.5 * 2) / 6.
    assert found.tolist() == pytest.approx([1.5 / 4, 0.5 / 5, 4 / 6])


def test_the_stake_of_one_film_by_hand() -> None:
    # At rank 1/2 bets on the place win nothing; those on the spread pay 1 -/+ 1/2, each 1 of 7 bets.
    assert log_stakes(np.array([0.5])).tolist() == pytest.approx([math.log((5 + 0.5 + 1.5) / 7)])


def test_the_game_is_fair() -> None:
    # The mean stake over all ranks, by the midpoint rule, is 1 after one film and after two.
    u = (np.arange(200) + 0.5) / 200
    pairs = np.stack(np.meshgrid(u, u)).reshape(2, -1)
    stakes = np.exp(log_stakes(pairs))
    assert stakes[0].mean() == pytest.approx(1, abs=1e-4)
    assert stakes[1].mean() == pytest.approx(1, abs=1e-4)


def test_the_stake_hardly_falls_on_a_quiet_stretch() -> None:
    # The quarter that changes its bet at every film can neither win nor lose.
    u = np.random.default_rng(3).random(5000)
    assert log_stakes(u).min() >= math.log(0.25)


def test_false_alarms_are_as_rare_as_stated() -> None:
    rng = np.random.default_rng(1)
    games = [ranks(rng.standard_normal(50), rng.standard_normal(300), rng) for _ in range(300)]
    alarms = (log_stakes(np.stack(games, axis=1)) >= math.log(20)).any(axis=0).mean()
    # 0.05 plus twice its standard error over 300 games.
    assert alarms <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)


def test_a_shift_raises_an_alarm_and_says_since_when() -> None:
    quiet = np.random.default_rng(5).standard_normal(200).tolist()
    loud = (2 + np.random.default_rng(6).standard_normal(100)).tolist()
    profile = site_profile(reference={SCORE: tuple(normal(100))})
    found = watch(stretch(quiet + loud), profile)
    (channel,) = found.channels
    assert found.alarm
    assert channel.alarm is not None
    assert channel.since is not None
    assert 200 <= channel.alarm < 240
    assert 180 <= channel.since <= channel.alarm
    assert channel.after > 1.5
    assert channel.evidence[channel.alarm] >= 20 > channel.evidence[: channel.alarm].max()
    assert "log odds is higher than at calibration" in words_of(found)[0]
    assert to_json(found)["channels"][0]["alarm_at_film"] == channel.alarm + 1
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
    found = watch(films, profile)
    assert [c.name for c in found.channels] == [SCORE, GATE + "distance", REFUSED]
    assert found.silent == (GATE + "blur",)
    # One film moves a stake by at most a factor of 2; of refusals there are none.
    assert all(1 / 6 <= c.evidence[0] <= 2 / 3 for c in found.channels)
    assert found.channels[2].evidence[0] == pytest.approx(1 / 3)


def test_values_that_are_all_equal_say_nothing() -> None:
    profile = site_profile(reference={REFUSED: (0.0,) * 60})
    found = watch([Written(f"{i}.png", refused=False) for i in range(50)], profile)
    assert found.channels[0].evidence.tolist() == pytest.approx([1.0] * 50)


def test_refusals_are_a_channel() -> None:
    profile = site_profile(reference={REFUSED: (0.0,) * 97 + (1.0,) * 3})
    films = [Written(f"{i}.png", refused=i % 2 == 0) for i in range(100)]
    found = watch(films, profile)
    assert found.alarm
    assert (found.channels[0].before, "refused is higher" in words_of(found)[0]) == (0.03, True)


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


def test_one_film_per_patient() -> None:
    films = [Written(f"p{n}/{i}.png") for i, n in enumerate((1, 2, 1, 3, 2))]
    kept, left_out = one_per_patient(films, r"p(\d)/")
    assert [one.source for one in kept] == ["p1/0.png", "p2/1.png", "p3/3.png"]
    assert left_out == 2
    for pattern, why in (("(", "no regular expression"), ("ward", "matches no film")):
        with pytest.raises(UsageError, match=why):
            one_per_patient(films, pattern)


def test_predictions_of_another_bundle_or_profile_are_refused() -> None:
    with pytest.raises(UsageError, match="another bundle"):
        check_source([Written("a.png", bundle_sha256="1" * 64)], "0" * 64, "ward")
    with pytest.raises(UsageError, match="profile other"):
        check_source([Written("a.png", profile="other")], "0" * 64, "ward")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no predictions"),
        ('{"results": []}', "holds no predictions"),
        ('{"results": [', "not what predict writes"),
        ('{"notice": 1}', "not what predict writes"),
        ('[{"source": "a", "p_positive": 3}]', "not what predict writes"),
        ("film,score\na,1\n", "source and p_positive"),
        ('[{"source": "a", "p_pneumonia": 3}]', "not what predict writes"),
    ],
)
def test_files_that_hold_no_predictions(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(UsageError, match=why):
        read_predictions([tmp_path / "p.json"])


@pytest.mark.parametrize(
    "text", ['[{"source": "a", "p_pneumonia": 0.25}]', "source,p_pneumonia\na,0.25\n"]
)
def test_files_of_the_former_version_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "p").write_text(text)
    assert [film.p for film in read_predictions([tmp_path / "p"])] == [0.25]


def test_json_and_csv_tell_the_same(tiny_bundle: Bundle, film_files: Path, tmp_path: Path) -> None:
    (film_files / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for kind in ("json", "csv"):
        done = run("predict", film_files, f"--{kind}", "--bundle", tiny_bundle.path)
        (tmp_path / f"p.{kind}").write_text(done.stdout)
    one, other = (read_predictions([tmp_path / f"p.{kind}"]) for kind in ("json", "csv"))
    # bright.png, broken.png, dark.png; probabilities as in test_predict_table
    assert [film.read for film in one] == [True, False, True]
    assert [film.p and round(film.p, 3) for film in one] == [0.938, None, 0.110]
    for a, b in zip(one, other, strict=True):
        assert (a.source, a.read, a.p, a.bundle_sha256) == (b.source, b.read, b.p, b.bundle_sha256)


def test_the_command(tiny_bundle: Bundle, tmp_path: Path) -> None:
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


def test_what_was_not_compared_is_named() -> None:
    profile = site_profile(reference={REFUSED: (0.0,) * 60, "gate: distance": (0.5,) * 60})
    found = watch([Written(f"{i}.png", refused=False) for i in range(50)], profile)
    assert "gate: distance" in found.silent
    assert any("not compared" in text and "gate: distance" in text for text in words_of(found))
