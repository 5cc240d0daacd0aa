"""Nothing phones home: no connection beyond this machine, and no file outside of the given folders."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from drawn import drawn_set
from traced import addresses, environment, traced

SAMPLES = Path(__file__).parent.parent / "samples"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pneumoscope", *map(str, arguments)]


def files(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


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


@pytest.mark.server
@pytest.mark.parametrize("app", ["serve", "gradio", "streamlit"])
def test_a_server_connects_to_nobody(app: str, tmp_path: Path) -> None:
    pytest.importorskip({"serve": "fastapi"}.get(app, app))
    log, home = tmp_path / "calls.txt", tmp_path / "home"
    home.mkdir()
    arguments = ["--port", 0, *(["--folder", tmp_path / "data"] if app == "serve" else [])]
    words = traced(log, command(app, *arguments))
    with subprocess.Popen(
        words,
        env=environment(home),
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
    assert [name for name in files(home) if "onnxruntime" in name.lower()] == []


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=50).close()
    except OSError:  # not yet listening
        return False
    return True


def test_a_program_that_loaded_onnx_runtime_before_is_silenced_too() -> None:
    code = (
        "import onnxruntime; said = []; "
        "onnxruntime.disable_telemetry_events = lambda: said.append(True); "
        "import os, pneumoscope; assert said == [True]; "
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
