from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from command_line import run
from pneumoscope.bundle import MODEL, Bundle, open_bundle


def test_the_shipped_bundle_is_listed() -> None:
    (facts,) = json.loads(run("bundles", "--json").stdout)["bundles"]
    shipped = open_bundle()
    assert (facts["name"], facts["shipped"], facts["folder"]) == (
        "flagship",
        True,
        str(shipped.path),
    )
    assert (facts["bundle"], facts["bundle_sha256"]) == ("flagship 1", shipped.sha256)
    assert (facts["positive"], facts["licence"]) == ("PNEUMONIA", "CC BY 4.0")
    assert (facts["version"], facts["population"]) == ("1", shipped.meta.population.text)
    assert facts["size_bytes"] == sum(file.stat().st_size for file in shipped.path.iterdir())
    row = run("bundles").stdout.splitlines()[1]
    assert row.split()[:5] == ["flagship", "flagship", "1", shipped.sha256[:12], "PNEUMONIA"]
    assert f" {facts['size_bytes'] / 1e6:.1f} MB " in row
    assert shipped.meta.population.text in row


def test_a_damaged_bundle_is_listed_with_what_is_wrong(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_bundle.path, tmp_path / "damaged")
    (tmp_path / "damaged" / MODEL).write_bytes(b"x")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(tmp_path))
    first, second = json.loads(run("bundles", "--json").stdout)["bundles"]
    assert (first["name"], second["name"]) == ("damaged", "flagship")
    assert "model.onnx does not match" in first["error"]["message"]
    assert first["error"]["hint"]
    done = run("bundles")
    assert done.returncode == 0
    assert "not usable: bundle damaged: model.onnx does not match" in done.stdout
