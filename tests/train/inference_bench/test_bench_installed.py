"""Sizes and versions of installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

import pneumoscope
from pneumoscope.train.inference_bench import installed


def test_sizes_are_those_of_packages_with_their_needs() -> None:
    runtime, decoder = installed.installed_mb("onnxruntime"), installed.installed_mb("decoding")
    assert runtime is not None
    assert decoder is not None
    assert runtime > decoder > 10  # NumPy alone takes that much
    assert installed.installed_mb("no-such-package") is None


@pytest.mark.slow
def test_an_extra_takes_more() -> None:
    base, server = installed.installed_mb("pneumoscope"), installed.installed_mb("server")
    assert base is not None
    assert server is not None
    assert server > base + 5  # FastAPI, SQLAlchemy, cryptography ...


def test_modules_and_bundles_count_in_an_editable_installation_too() -> None:
    bundles = Path(pneumoscope.__file__).parent / "bundles"
    assert installed._size_mb("pneumoscope") > sum(
        path.stat().st_size / 1e6 for path in bundles.rglob("*.onnx")
    )


def test_litert_is_the_lean_package_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec, package in ((object(), "ai-edge-litert"), (None, "tensorflow-cpu")):
        monkeypatch.setattr(installed.util, "find_spec", lambda _name, spec=spec: spec)
        assert installed.packages_of("litert") == (package, "Pillow")


def test_versions_are_those_of_the_ways() -> None:
    versions = installed.versions(["server", "decoding"])
    assert {"python", "pneumoscope", "simplejpeg"} <= set(versions)
    assert "tensorflow-cpu" not in versions
    assert installed.processor()
