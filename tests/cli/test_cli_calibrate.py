"""``pneumoscope calibrate``: what it refuses before it reads a film."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import run

for module in ("cv2", "scipy", "sklearn", "matplotlib"):
    pytest.importorskip(module, reason="needs the [evidence] extra")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "."), ".: is a folder"),
        (("--out", "thesis.tex"), "thesis.tex: exists and is no site profile"),
        (("--report", "thesis.tex"), "thesis.tex: exists and is no HTML page"),
        (("--from-profile", "old.json"), "--from-profile needs the older bundle, too"),
        (("--prevalence", "5"), "--prevalence 5 is not between 0 and 1"),
    ],
)
def test_options_that_cannot_be_met(
    tiny: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    (tmp_path / "thesis.tex").write_text("chapter one")
    done = run("calibrate", "films", *options, *tiny)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hint:" in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "chapter one"


def test_a_bundle_is_not_its_own_predecessor(tiny: tuple[str, Path], tmp_path: Path) -> None:
    out = ("--out", tmp_path / "site.json")
    done = run("calibrate", tmp_path, *out, *tiny, "--from", tiny[1])
    assert done.returncode == 1
    assert "--from names the bundle that is calibrated" in done.stderr
