"""``pneumoscope drift``: its exit codes, what it prints, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from command_line import run
from documented_output import undocumented
from pneumoscope.decision.profile import write_profile
from tiny import site_profile

SHA = "ab" * 32
# Sixty log odds around 0; a film of log odds x has the probability 1 / (1 + exp(-x)).
REFERENCE = tuple(sorted(math.sin(7 * i) for i in range(60)))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = site_profile(bundle_sha256=SHA, reference={"log odds": REFERENCE})
    write_profile(tmp_path / "site.json", profile)
    monkeypatch.chdir(tmp_path)


def predictions(name: str, log_odds: list[float], sha256: str = SHA) -> str:
    """A file of predictions; the films are two of each patient."""
    records = [
        {
            "source": f"person{i // 2}/{i}.png",
            "p_positive": 1 / (1 + math.exp(-x)),
            "bundle_sha256": sha256,
        }
        for i, x in enumerate(log_odds)
    ]
    Path(name).write_text(json.dumps({"results": records}))
    return name


def quiet() -> str:
    return predictions("quiet.json", [math.sin(3 * i) for i in range(40)])


def loud() -> str:
    return predictions("loud.json", [3.0] * 40)


def test_films_as_before_are_no_alarm() -> None:
    done = run("drift", quiet(), "--profile", "site.json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["channel", "reference", "films", "mean", "before", "after", "most",
                                "evidence", "alarm"]  # fmt: skip
    assert lines[1].split()[:4] == ["log", "odds", "60", "40"]
    assert "NO ALARM" in done.stdout
    assert "name patients with --patient" in done.stdout


def test_other_films_are_an_alarm_with_its_film() -> None:
    done = run("drift", loud(), "--profile", "site.json")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.splitlines()[1].split()[-2] == "film"
    assert "\nALARM\n" in "\n".join(line.strip() for line in done.stdout.splitlines())


def test_json_has_the_series_and_what_was_left_out() -> None:
    done = run("drift", loud(), "--profile", "site.json", "--json", "--patient", r"person\d+")
    record = json.loads(done.stdout)
    assert done.returncode == 3
    assert undocumented("drift", record) == []
    assert record["notice"] == "Research use, not a medical device."
    assert (record["alarm"], record["films"], record["repeated"]) == (True, 20, 20)
    (channel,) = record["channels"]
    assert len(channel["evidence"]) == 20
    last = json.loads(run("drift", loud(), "--profile", "site.json", "--json", "--last", 3).stdout)
    assert (last["films"], last["repeated"]) == (3, 0)


def test_repeated_films_are_counted_in_the_text() -> None:
    done = run("drift", quiet(), "--profile", "site.json", "--patient", r"person\d+")
    assert "further films of the same patients, left out: 20" in done.stdout
    assert "name patients with --patient" not in done.stdout


def test_files_follow_one_another() -> None:
    record = json.loads(run("drift", quiet(), loud(), "--profile", "site.json", "--json").stdout)
    assert record["films"] == 80
    evidence = record["channels"][0]["evidence"]
    assert max(evidence[:40]) < 20 < max(evidence[40:])  # 1 / 5 %


@pytest.mark.slow
def test_a_page_replaces_an_older_one_only() -> None:
    for module in ("matplotlib", "scipy", "sklearn"):
        pytest.importorskip(module, reason="needs the [evidence] extra")
    page = Path("new") / "drift.html"
    for _ in range(2):
        assert run("drift", quiet(), "--profile", "site.json", "--report", page).returncode == 0
    assert page.read_text().startswith("<!doctype html>")
    Path("thesis.tex").write_text("chapter one")
    done = run("drift", quiet(), "--profile", "site.json", "--report", "thesis.tex")
    assert (done.returncode, done.stdout) == (1, "")
    assert "exists and is no HTML page" in done.stderr
    assert Path("thesis.tex").read_text() == "chapter one"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.json", "--profile", "site.json"), "none.json: cannot be read"),
        (("site.json", "--profile", "site.json"), "site.json: is not what predict writes"),
        (("quiet.json", "--profile", "none.json"), "site profile none.json: no such file"),
        (("quiet.json", "--profile", "quiet.json"), "quiet.json"),
        (("other.json", "--profile", "site.json"), "predicted with another bundle"),
        (("quiet.json", "--profile", "site.json", "--patient", "("), "regular expression"),
        (("quiet.json", "--profile", "site.json", "--patient", "x"), "matches no film's name"),
        (
            ("quiet.json", "--profile", "site.json", "--false-alarms", "0"),
            "false alarms 0 is not between",
        ),
        (
            ("quiet.json", "--profile", "site.json", "--false-alarms", "1.5"),
            "false alarms 1.5 is not",
        ),
    ],
)
def test_what_cannot_be_compared(arguments: tuple[str, ...], words: str) -> None:
    quiet()
    predictions("other.json", [0.0], "cd" * 32)
    done = run("drift", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert "hint: " in done.stderr


def test_wrong_usage() -> None:
    for arguments in (("--last", "0"), ("--last", "x"), ()):
        profile = ("--profile", "site.json") if arguments else ()
        done = run("drift", quiet(), *profile, *arguments)
        assert done.returncode == 2, arguments
