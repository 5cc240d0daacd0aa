"""Imports point one way, and inference loads nothing that it does not need."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "pneumoscope"

# A module imports only from lower floors, or from its own folder.
FLOORS = {
    "errors": 0,
    "files": 1,
    "records": 1,
    "calibration": 2,
    "conformal": 2,
    "covering": 2,
    "images": 2,
    "film_statistics": 2,
    "metrics": 2,
    "occlusion_picture": 2,
    "thresholds": 2,
    "bundle": 3,
    "data": 3,
    "heatmap": 3,
    "wording": 3,
    "serialise": 4,
    "stress": 3,
    "card": 4,
    "explain": 4,
    "gate": 4,
    "profile": 4,
    "sheet": 5,
    "triage": 4,
    "runtime": 5,
    "written": 5,
    "apps": 6,
    "drift": 6,
    "facts": 6,
    "client": 6,
    "evidence": 7,
    "serve": 7,
    "train": 7,
    "cli": 8,
    "__main__": 9,
}
# Of the [serve] extra: only the server knows these, and its command starts it.
SERVERS = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "cryptography", "prometheus_client"}
# Of the [apps] extra, in the same way.
APPS = {"gradio", "gradio_client", "streamlit"}
FORBIDDEN = {"keras", "tensorflow", "torch", "jax", "onnx", "tf2onnx", "cv2", "sklearn", "scipy"}

# Apart from training, who may use what of the [train] and [evidence] extras.
EXTRAS = {
    "film_statistics": {"cv2"},
    "stress": {"cv2"},
    "evidence": {"cv2", "onnx", "scipy", "sklearn"},
}


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def unit(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, in functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            yield module
            # `from pneumoscope import images` names a module of the package.
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    own = unit(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] != "pneumoscope" or len(parts) < 2 or parts[1] not in FLOORS:
            continue
        assert parts[1] == own or FLOORS[parts[1]] < FLOORS[own], f"{own} imports {parts[1]}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_training_knows_keras_and_its_kin(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    if unit(path) != "train":
        assert not roots & (FORBIDDEN - EXTRAS.get(unit(path), set()))
    if unit(path) not in ("train", "runtime"):
        assert "onnxruntime" not in roots


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_server_knows_its_framework(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert unit(path) == "serve" or not roots & (SERVERS - {"starlette", "uvicorn"})
    assert unit(path) in ("cli", "serve") or not roots & SERVERS
    assert unit(path) in ("client", "serve") or "httpx" not in roots


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_apps_know_theirs(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert unit(path) == "apps" or not roots & (APPS - {"streamlit"})
    assert unit(path) in ("apps", "cli") or not roots & APPS


def test_every_module_has_a_floor() -> None:
    assert {unit(path) for path in modules()} == set(FLOORS)


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_is_light() -> None:
    loaded = loaded_after("import pneumoscope")
    heavy = (
        FORBIDDEN
        | SERVERS
        | APPS
        | {"httpx", "pynetdicom", "matplotlib", "onnxruntime", "numpy", "pydicom"}
    )
    assert not loaded & (heavy | {"PIL", "rich", "typer", "highdicom"})


def test_predicting_a_png_loads_no_training_and_no_dicom() -> None:
    code = (
        "import io, numpy as np, pneumoscope\n"
        "from PIL import Image\n"
        "s = io.BytesIO(); Image.fromarray(np.full((300, 300), 90, 'uint8')).save(s, 'PNG')\n"
        "pneumoscope.load().predict(s.getvalue())"
    )
    loaded = loaded_after(code)
    assert not loaded & (
        FORBIDDEN | {"fastapi", "pynetdicom", "matplotlib", "pydicom", "rich", "typer"}
    )


def test_looking_after_data_loads_no_training() -> None:
    loaded = loaded_after("from pneumoscope.data import check, obtain")
    assert not loaded & (FORBIDDEN | {"onnxruntime", "kagglehub", "rich", "typer"})
