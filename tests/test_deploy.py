"""The files for a service of the operating system."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[1] / "deploy"
UNIT, NODE = DEPLOY / "pneumoscope.service", DEPLOY / "pneumoscope-pacs.service"


@pytest.mark.parametrize("unit", [UNIT, NODE], ids=lambda path: path.stem)
def test_the_service_is_hardened(unit: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not installed")
    # Fails if the exposure, times ten, exceeds the threshold.
    done = subprocess.run(
        [analyse, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "Unknown command" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze does not look at files (before version 250)")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_waits_for_accepted_films_and_keeps_its_key_elsewhere() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert "TimeoutStopSec=180" in lines  # the server itself takes up to 120 s
    assert "LoadCredential=key:/etc/pneumoscope/key" in lines
    assert "Environment=PNEUMOSCOPE_SERVE_KEY=%d/key" in lines


def test_the_node_waits_for_accepted_films_and_keeps_its_key_elsewhere() -> None:
    lines = NODE.read_text(encoding="utf-8").splitlines()
    assert "TimeoutStopSec=180" in lines  # the node itself takes up to 150 s
    assert "LoadCredential=key:/etc/pneumoscope/key" in lines
    assert "StateDirectory=pneumoscope-pacs" in lines  # the folder of the example


def test_the_key_may_be_an_encrypted_credential() -> None:
    lines = (DEPLOY / "encrypted-key.conf").read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if not line.startswith("#")]
    # The empty value takes back the plain one, so that no plain file is needed or read.
    assert settings == [
        "[Service]",
        "LoadCredential=",
        "LoadCredentialEncrypted=key:/etc/pneumoscope/key.cred",
    ]
    for unit in (UNIT, NODE):
        text = unit.read_text(encoding="utf-8")
        assert re.findall(r"/etc/pneumoscope/key\b", text) == ["/etc/pneumoscope/key"]


def test_the_image_for_lambda_starts_a_function_that_exists() -> None:
    pytest.importorskip("fsspec", reason="needs the [watch] extra")
    recipe = (UNIT.parent / "lambda.Dockerfile").read_text(encoding="utf-8")
    [command] = re.findall(r'^CMD \["([\w.]+)"\]$', recipe, re.M)
    module, _, name = command.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    [copied] = re.findall(r"^COPY (.+) \./$", recipe, re.M)
    assert all((UNIT.parents[1] / file).is_file() for file in copied.split())
    [extras] = re.findall(r"'\.\[([\w,]+)\]'", recipe)
    project = tomllib.loads((UNIT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(extras.split(",")) <= project["project"]["optional-dependencies"].keys()
