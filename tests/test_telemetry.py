"""Nothing phones home: no connection beyond this machine, and no file outside of the given folders."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from drawn import drawn_set
from npm_packages import DECODER, RUNTIME, archive
from sent_films import file_of, sent
from traced import addresses, changed_files, environment, traced
from trainings import SMALL

SAMPLES = Path(__file__).parent.parent / "samples"


KERAS_WARNS = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
NEEDED = {"batch": ("pyarrow",), "watch": ("sqlalchemy",)}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pneumoscope", *map(str, arguments)]


def files(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


@pytest.mark.slow
def test_reading_a_film_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        command("predict", SAMPLES / "normal-1.png", "--json"),
        env=environment(tmp_path),
        capture_output=True,
        check=True,
    )
    assert b"NORMAL" in done.stdout
    assert files(tmp_path) == []


def test_reading_a_film_connects_to_nobody(tmp_path: Path) -> None:
    log = tmp_path / "calls.txt"
    words = traced(log, command("predict", SAMPLES / "normal-1.png"))
    subprocess.run(words, env=environment(tmp_path), capture_output=True, check=True)
    assert addresses(log) == []


@pytest.mark.slow
def test_an_evaluation_connects_to_nobody(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    log, home = tmp_path / "calls.txt", tmp_path / "home"
    home.mkdir()
    films = drawn_set(tmp_path / "films", normal=8, pneumonia=8)
    options = ["--no-report", "--only", "decision", "--draws", 20, "--out", tmp_path / "out"]
    words = traced(log, command("evaluate", "children", films, *options))
    subprocess.run(words, env=environment(home), capture_output=True, check=True)
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert addresses(log) == []
    assert [name for name in files(home) if "onnxruntime" in name.lower()] == []


NODE = """
[node]
folder = "{folder}/data"
bundles = ["children"]
metrics_port = 0
[receiver]
port = 0
[destinations.results]
type = "folder"
folder = "{folder}/out"
"""
COMMANDS: dict[str, tuple[object, ...]] = {
    "batch": ("films", "--out", "out", "--bundle", "children", "--workers", 2),
    "watch": ("films", "--out", "out", "--bundle", "children", "--once"),
    "deidentify": ("dicom", "out"),
    "report": ("dicom", "--out", "out", "--bundle", "children", "--object", "all"),
    "export model": ("children", "--out", "out.onnx"),
    "data check": ("films",),
    "data manifest": ("hospital=films", "--to", "out.csv"),
    "data download": ("--from", "films", "--to", "out"),
}
"""Commands that read films, and what they are given in a folder of films."""


def elsewhere(folder: Path) -> dict[str, str]:
    """Variables for everything that a command may write beside its results."""
    (folder / "tmp").mkdir(exist_ok=True)
    return {
        "TMPDIR": str(folder / "tmp"), "XDG_STATE_HOME": str(folder / "state"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def outside(log: Path, cwd: Path, folder: Path) -> list[Path]:
    """What the command has changed outside of a folder."""
    return [path for path in changed_files(log, cwd) if not path.is_relative_to(folder)]


def keeps_to_itself(words: list[str], folder: Path, status: int = 0, **variables: str) -> Path:
    """Runs a command in the folder ``place``, which connects to nobody and changes only files there; returns what was traced."""
    home, place, log = folder / "home", folder / "place", folder / "calls.txt"
    home.mkdir()
    done = subprocess.run(
        traced(log, words),
        env=environment(home) | elsewhere(folder) | variables,
        cwd=place,
        capture_output=True,
        check=False,
    )
    assert done.returncode == status, done.stderr.decode()
    assert addresses(log) == []
    assert outside(log, place, folder) == []
    return log


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_connects_to_nobody_and_keeps_to_its_folders(name: str, tmp_path: Path) -> None:
    for module in NEEDED.get(name, ()):
        pytest.importorskip(module)
    home, place = tmp_path / "home", tmp_path / "place"
    (place / "dicom").mkdir(parents=True)
    drawn_set(place / "films", normal=2, pneumonia=2)
    (place / "dicom" / "film.dcm").write_bytes(file_of(sent(1)))
    log = keeps_to_itself(command(*name.split(), *COMMANDS[name]), tmp_path)
    assert bool(changed_files(log, place)) == (name != "data check")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [file for file in files(home) if not file.startswith("matplotlib")] == []


@pytest.mark.slow
def test_a_measurement_of_reading_connects_to_nobody_and_keeps_to_its_folders(
    tmp_path: Path,
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    options = ["--bundle", "children", "--ways", "onnxruntime", "--rounds", "1"]
    words = [sys.executable, "-c", WITH_FEW_FILMS, "bench", "inference", *options]
    log = keeps_to_itself(words, tmp_path)
    assert changed_files(log, place)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert files(tmp_path / "home") == []


@pytest.mark.slow
def test_a_batch_on_ray_connects_to_nobody() -> None:
    pytest.importorskip("ray", reason="needs the [scale] extra")
    # Ray makes sockets below the folder for temporary files, and their paths may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        home, place = Path(folder, "home"), Path(folder, "place")
        drawn_set(place / "films", normal=2, pneumonia=2)
        options = COMMANDS["batch"] + ("--engine", "ray")
        keeps_to_itself(command("batch", *options), Path(folder))
        assert list((place / "out").glob("*.parquet"))
        kept = {file.partition("/")[0] for file in files(home)}
        assert kept <= {"matplotlib", ".ray"}  # .ray: the token that its processes need


REPORT_TO_MLFLOW = """
from pathlib import Path
from pneumoscope.train.fit.tracking import MLflow
Path("run").mkdir()
reports = MLflow("reports", Path("run"))
reports.begin({"epochs": "1"})
reports.epochs([{"seconds": 1.0, "loss": 0.5}])
reports.end({"auc": 0.9}, [])
"""
WITH_FEW_FILMS = """
from functools import partial
from pneumoscope.train.inference_bench import films, measure
measure.MANY = {"small": 4, "large": 1}
measure.REPEATS = {"small": 2, "large": 1, "dicom": 1}
measure.draw = partial(films.draw, small=2, large=1, dicom=1)
from pneumoscope.cli.main import main
main()
"""
WITH_TINY_PACKAGES = """
from npm_packages import DECODER, RUNTIME
from pneumoscope.web import obtain, packages, page
obtain.PACKAGES = packages.PACKAGES = page.PACKAGES = (RUNTIME, DECODER)
from pneumoscope.cli.main import main
main()
"""


@pytest.mark.slow
def test_a_page_from_packages_that_are_here_connects_to_nobody(tmp_path: Path) -> None:
    home, place = tmp_path / "home", tmp_path / "place"
    (place / "packages").mkdir(parents=True)
    for package in (RUNTIME, DECODER):
        archive(place / "packages", package)
    words = ["export", "web", "page", "--bundle", "children", "--runtime", "packages"]
    paths = os.pathsep.join(path for path in sys.path if path)
    program = [sys.executable, "-c", WITH_TINY_PACKAGES, *words]
    keeps_to_itself(program, tmp_path, PYTHONPATH=paths)
    assert (place / "page" / "index.html").is_file()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert files(home) == []


@dataclass(frozen=True)
class WithTensorflow:
    """Commands that ran in one traced process: TensorFlow takes longer to start than all of them.

    Attributes:
        place: The folder in which they ran.
        logs: What was traced of each command.
    """

    place: Path
    logs: dict[str, Path]

    def check(self, name: str) -> None:
        """A command connected to nobody, and changed files only in the folder of all."""
        log, folder = self.logs[name], self.place.parent
        assert addresses(log) == []
        assert changed_files(log, self.place)
        assert outside(log, self.place, folder) == []


IN_TURN = """
import json, sys
from pathlib import Path
from pneumoscope.cli.main import run
Path("begins").mkdir()
for name, words in json.loads(sys.argv[1]).items():
    Path("begins", name).touch()
    sys.argv = ["pneumoscope", *words]
    if code := run():
        sys.exit(f"{name}: exit code {code}")
"""
"""Runs commands in one process; before each, its name stands in what is traced."""
OF_SMALL_NETWORKS: dict[str, list[str]] = {
    "import": ["import", "small.keras", "--labels", "normal,pneumonia", "--out", "imported"],
    **{
        kind: [
            "export",
            "model",
            "imported",
            "--format",
            kind,
            "--films",
            "unlabelled",
            "--out",
            kind,
        ]
        for kind in ("litert-int8", "litert-bundle")
    },
    "bench train": [
        *("bench", "train", "recipe.toml", "--data", "films", "--cache", "cache"),
        *("--steps", "2", "--rounds", "1"),
    ],
}


@pytest.fixture(scope="module")
def with_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> WithTensorflow:
    keras = pytest.importorskip("keras")
    folder = tmp_path_factory.mktemp("tensorflow")
    place = folder / "place"
    place.mkdir()
    films = drawn_set(place / "films", normal=16, pneumonia=16)
    (place / "unlabelled").mkdir()  # such a network tells no classes apart, which int8 would show
    for film in films.rglob("*.jpeg"):
        shutil.copy(film, place / "unlabelled")
    (place / "recipe.toml").write_text(SMALL)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((64, 64, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.save(place / "small.keras")
    log = keeps_to_itself([sys.executable, "-c", IN_TURN, json.dumps(OF_SMALL_NETWORKS)], folder)
    _, *parts = re.split(r'.*"begins/([^"]+)".*\n', log.read_text(errors="replace"))
    logs = {}
    for name, part in zip(parts[::2], parts[1::2], strict=True):
        logs[name] = folder / f"calls of {name}.txt"
        logs[name].write_text(part)
    assert [*logs] == [*OF_SMALL_NETWORKS]
    # Keras' settings, and matplotlib's list of fonts.
    kept = {file.partition("/")[0] for file in files(folder / "home")}
    assert kept <= {".keras", "matplotlib"}
    return WithTensorflow(place, logs)


@pytest.mark.train
@pytest.mark.slow
@KERAS_WARNS
@pytest.mark.parametrize("kind", ["litert-int8", "litert-bundle"])
def test_an_export_with_tensorflow_connects_to_nobody(
    kind: str, with_tensorflow: WithTensorflow
) -> None:
    with_tensorflow.check(kind)
    assert (with_tensorflow.place / kind).is_file()


@pytest.mark.train
@pytest.mark.slow
@KERAS_WARNS
def test_an_import_connects_to_nobody(with_tensorflow: WithTensorflow) -> None:
    with_tensorflow.check("import")
    assert (with_tensorflow.place / "imported" / "bundle.json").is_file()


@pytest.mark.train
@pytest.mark.slow
@KERAS_WARNS
def test_a_measurement_of_training_connects_to_nobody(with_tensorflow: WithTensorflow) -> None:
    with_tensorflow.check("bench train")
    assert (with_tensorflow.place / "cache").is_dir()


@pytest.mark.slow
def test_reports_to_mlflow_go_to_the_named_folder_only(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs the [mlflow] extra")
    place = tmp_path / "place"
    place.mkdir()
    keeps_to_itself([sys.executable, "-c", REPORT_TO_MLFLOW], tmp_path)
    assert (place / "reports" / "mlflow.db").is_file()


@pytest.mark.server
@pytest.mark.parametrize("app", ["serve", "gradio", "streamlit", "pacs"])
def test_a_server_connects_to_nobody(app: str, tmp_path: Path) -> None:
    pytest.importorskip({"serve": "fastapi", "pacs": "pynetdicom"}.get(app, app))
    log, home = tmp_path / "calls.txt", tmp_path / "home"
    home.mkdir()
    arguments = ["--port", 0, *(["--folder", tmp_path / "data"] if app == "serve" else [])]
    if app == "pacs":
        arguments = ["--config", tmp_path / "node.toml"]
        (tmp_path / "node.toml").write_text(NODE.format(folder=tmp_path))
    words = traced(log, command(app, *arguments))
    with subprocess.Popen(
        words,
        env=environment(home) | elsewhere(tmp_path),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # strace passes no signal on
    ) as process:
        watchdog = threading.Timer(100, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        try:
            assert process.stdout is not None
            address = next(
                match[0]
                for line in process.stdout
                if (match := re.search(r"http://127\.0\.0\.1:\d+", line))
            )
            while not answers(address) and process.poll() is None:
                time.sleep(0.05)
        finally:
            watchdog.cancel()
            os.killpg(process.pid, signal.SIGKILL)
    assert addresses(log) == []
    assert outside(log, home, tmp_path) == []
    assert [name for name in files(home) if "onnxruntime" in name.lower()] == []


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=50).close()
    except OSError:  # not yet listening
        return False
    return True


@pytest.mark.parametrize("name", ["mlflow", "openvino_telemetry"])
def test_optional_libraries_are_silenced_before_they_are_imported(
    name: str, tmp_path: Path
) -> None:
    library = "import os; reports = os.environ.get('MLFLOW_DISABLE_TELEMETRY') != 'true'\n"
    (tmp_path / f"{name}.py").write_text(library)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pneumoscope\n"
        f"try:\n    from {name} import reports\nexcept ImportError:\n    reports = False\n"
        "print(reports)"
    )
    bare = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_openvino_connects_to_nobody(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="needs the [openvino] extra")
    log, home = tmp_path / "calls.txt", tmp_path / "home"
    home.mkdir()
    words = traced(log, [sys.executable, "-c", "import pneumoscope, openvino"])
    subprocess.run(words, env=environment(home), capture_output=True, check=True)
    assert addresses(log) == []
    assert files(home) == []


def test_a_program_that_loaded_onnx_runtime_before_is_silenced_too() -> None:
    code = (
        "import onnxruntime; said = []; "
        "onnxruntime.disable_telemetry_events = lambda: said.append(True); "
        "import os, pneumoscope; assert said == [True]; "
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
