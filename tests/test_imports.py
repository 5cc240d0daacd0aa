"""Imports point one way, and inference loads nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from architecture import LAYERS, PACKAGE, imported, module_name, modules, parts_of, unit_of

# Of the [serve] extra: only the server knows these, and its command starts it.
SERVERS = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "cryptography", "prometheus_client"}
# Of the [apps] extra, in the same way.
APPS = {"gradio", "gradio_client", "streamlit"}
FORBIDDEN = {"keras", "tensorflow", "torch", "jax", "onnx", "tf2onnx", "cv2", "sklearn", "scipy"}

# Apart from training, who may use what of the [train] and [evidence] extras.
EXTRAS = {
    "data.film_statistics": {"cv2"},
    "data.stress": {"cv2"},
    "evidence": {"cv2", "onnx", "scipy", "sklearn"},
}


def unit(path: Path) -> str:
    return unit_of(module_name(path))


def label(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_imports_point_downwards() -> None:
    upwards = []
    for path in modules():
        part = unit(path)
        for name in imported(path):
            if not name.startswith("pneumoscope."):
                continue
            other = unit_of(name.removeprefix("pneumoscope."))
            if other in LAYERS and other != part and LAYERS[other] >= LAYERS[part]:
                upwards.append(f"{label(path)}: {part} imports {other}")
    assert not upwards


def roots_of(path: Path) -> set[str]:
    """Packages that a module imports."""
    return {name.split(".")[0] for name in imported(path)}


def test_only_training_knows_keras_and_its_kin() -> None:
    for path in modules():
        if unit(path) != "train":
            name = module_name(path)
            extras = EXTRAS.get(name, EXTRAS.get(name.split(".")[0], set()))
            assert not roots_of(path) & (FORBIDDEN - extras), label(path)
        if unit(path) not in ("train", "runtime"):
            assert "onnxruntime" not in roots_of(path), label(path)


def test_only_the_server_knows_its_framework() -> None:
    allowed = {
        "cli": {"starlette", "uvicorn"},
        "audit_log": {"sqlalchemy"},
        "jobs": {"sqlalchemy", "cryptography"},
        "pacs": {"sqlalchemy", "cryptography", "prometheus_client"},  # no web framework
        "film_metrics": {"prometheus_client"},  # what server and node count alike
    }
    for path in modules():
        known = SERVERS - allowed.get(unit(path), set())
        assert unit(path) == "serve" or not roots_of(path) & known, label(path)
        assert unit(path) in ("client", "serve") or "httpx" not in roots_of(path), label(path)


def test_only_the_apps_know_theirs() -> None:
    for path in modules():
        roots = roots_of(path)
        assert unit(path) == "apps" or not roots & (APPS - {"streamlit"}), label(path)
        assert unit(path) in ("apps", "cli") or not roots & APPS, label(path)


def test_every_module_has_a_layer() -> None:
    assert {unit(path) for path in modules()} - {"evidence"} == set(LAYERS)


def test_parts_of_training_import_one_way() -> None:
    graph = parts_of("train")
    assert {"recipe", "fit", "export", "line"} <= set(graph)
    assert set(TopologicalSorter(graph).static_order()) == set(graph)  # a circle raises CycleError


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_queue_needs_no_web_framework() -> None:
    pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")
    queue = [module_name(path) for path in modules() if unit(path) == "jobs"]
    code = (
        "import importlib, sys\n"
        "for name in ('fastapi', 'starlette', 'uvicorn', 'pydantic', 'prometheus_client'):\n"
        "    sys.modules[name] = None\n"  # importing it raises ImportError
        f"for name in {queue!r}:\n"
        "    importlib.import_module(f'pneumoscope.{name}')"
    )
    assert "jobs.service" in queue
    assert "sqlalchemy" in loaded_after(code)


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
