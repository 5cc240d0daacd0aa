"""Optional parts that a command needs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from command_line import Done, run
from pneumoscope import installation
from pneumoscope.cli import extras
from pneumoscope.cli.extras import require
from pneumoscope.errors import MissingExtra
from pneumoscope.installation import install_command


def test_what_is_installed_is_not_imported() -> None:
    sys.modules.pop("antigravity", None)
    require("flying", "serve", "json", "antigravity")
    assert "antigravity" not in sys.modules


def test_the_first_missing_module_is_named() -> None:
    with pytest.raises(MissingExtra) as missing:
        require("flying", "serve", "json", "no_wings", "no_tail")
    assert missing.value.message.startswith("flying (no_wings) needs an optional part")
    assert install_command("serve") in missing.value.hint


def test_a_folder_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no_wings").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra):
        require("flying", "serve", "no_wings")


def without(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Commands find every module but this one."""

    def find_spec(name: str) -> Any:
        return None if name == missing else SimpleNamespace(origin="here.py")

    monkeypatch.setattr(
        extras, "importlib", SimpleNamespace(util=SimpleNamespace(find_spec=find_spec))
    )


# Words of a command, the first module that it lacks, and what the message and the hint say.
NEEDS = [
    ("serve", "fastapi", "the server", "serve"),
    ("serve", "alembic", "the server", "serve"),
    ("user list", "sqlalchemy", "the server", "serve"),
    ("token list", "argon2", "the server", "serve"),
    ("patient erase KEY", "cryptography", "the server", "serve"),
    ("purge --older-than 3", "fastapi", "the server", "serve"),
    ("audit-log verify", "sqlalchemy", "the server", "serve"),
    ("predict film.png --server http://127.0.0.1:9", "httpx", "--server", "serve"),
    ("gradio", "gradio", "the Gradio app", "apps"),
    ("streamlit", "streamlit", "the Streamlit app", "apps"),
    ("train --data films", "keras", "training", "train"),
    ("train --data films --backend jax", "jax", "training", "jax"),
    ("train --data films --backend torch", "torch", "training", "torch"),
    ("bench train --data films", "cv2", "training", "train"),
    ("leaderboard runs", "sklearn", "the leaderboard", "train"),
    ("export", "tf2onnx", "export", "train"),
    ("import m.h5 --labels a,b --out mine", "tensorflow", "import", "train"),
    ("audit films", "cv2", "the audit", "evidence"),
    ("evaluate films", "pyarrow", "the evaluation", "evidence"),
    ("calibrate films", "scipy", "the calibration", "evidence"),
    ("drift a.json --profile site.json --report d.html", "matplotlib", "--report", "evidence"),
]


@pytest.mark.parametrize(("words", "missing", "what", "extra"), NEEDS)
def test_a_command_says_what_it_lacks_before_it_begins(
    words: str,
    missing: str,
    what: str,
    extra: str,
    film_files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, missing)
    monkeypatch.chdir(film_files)
    (film_files / "film.png").write_bytes((film_files / "dark.png").read_bytes())
    before = sorted(film_files.iterdir())
    done = run(*words.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {what} ({missing}) needs an optional part that is not installed\n"
        f"hint: Install it with: {install_command(extra)}\n"
    )
    assert sorted(film_files.iterdir()) == before


ORIGINS = {
    "index": ({}, "pip install 'pneumoscope[apps]'"),
    "clone": (
        {"url": "file:///home/lee/pneumoscope", "dir_info": {"editable": True}},
        "pip install -e '/home/lee/pneumoscope[apps]'",
    ),
    "wheel": (
        {"url": "file:///tmp/pneumoscope-0.1.0-py3-none-any.whl", "archive_info": {}},
        "pip install '/tmp/pneumoscope-0.1.0-py3-none-any.whl[apps]'",
    ),
    "repository": (
        {"url": "https://example.org/p.git", "vcs_info": {"vcs": "git", "commit_id": "0f3a"}},
        "pip install 'pneumoscope[apps] @ git+https://example.org/p.git'",
    ),
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_hint_fits_how_the_package_was_installed(
    origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "streamlit")
    facts, command = ORIGINS[origin]
    monkeypatch.setattr(installation, "_origin", lambda: facts)
    done = run("streamlit")
    assert done.stderr.splitlines()[1] == f"hint: Install it with: {command}"


def test_mlflow_is_an_extra_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without(monkeypatch, "nothing")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "pneumoscope.cli.train.train.importlib.util.find_spec",
        lambda name, *more: None if name == "mlflow" else find_spec(name, *more),
    )
    done: Done = run("train", "--data", tmp_path, "--mlflow", tmp_path / "runs")
    assert done.returncode == 1
    assert "MLflow needs an optional part" in done.stderr
    assert install_command("mlflow") in done.stderr
    assert list(tmp_path.iterdir()) == []
