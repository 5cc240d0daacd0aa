"""Processor times of a film, of the start and of the server's threads: a few films of a tiny network, figures by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import processor_time
from in_turns import Cost
from pneumoscope.bundle import Bundle
from pneumoscope.train.inference_bench.http_load import Server


def test_every_step_of_a_film_can_be_called_by_itself(tiny_bundle: Bundle, tmp_path: Path) -> None:
    films = processor_time.draw(tmp_path, small=2, large=0, dicom=0).small
    steps = processor_time.of_a_film(tiny_bundle, films)
    assert next(iter(steps)) == "the network alone"
    for step in steps.values():
        step()


def test_every_step_is_timed_alone_and_after_the_network(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    films = processor_time.draw(tmp_path, small=2, large=0, dicom=0).small
    head, _, *rows = processor_time.step_table(tiny_bundle, films, rounds=1).splitlines()
    assert head.count("|") == 4
    assert [row.split("|")[1].strip() for row in rows][-1] == "the network again"
    assert all(float(figure) >= 0 for row in rows for figure in row.split("|")[2:4])


def test_a_start_is_compared_with_the_first_by_processor_time() -> None:
    costs = {
        "imports": [Cost(1.0, 0.1), Cost(2.0, 0.2), Cost(1.0, 0.1)],
        "ours": [Cost(3.0, 0.2), Cost(4.0, 0.6), Cost(3.0, 0.25)],
    }
    rows = processor_time.start_table(costs).splitlines()
    assert rows[-1] == "| ours | 3.00 | 250 | 2.50 (2.00 to 3.00) |"


def test_the_processor_time_of_a_command_is_known() -> None:
    assert processor_time._command_s(("-c", "sum(range(10**6))"), os.environ) > 0


def test_parts_of_the_server_are_summed_without_what_is_not_the_server() -> None:
    spent = Counter({"batches": 0.4, "HTTP": 0.2, processor_time.OURS: 0.3})
    rows = processor_time.part_table([spent, spent], films=100).splitlines()
    assert rows[2:] == [
        "| batches | 4.00 |",
        "| `predict_many` | 3.00 |",
        "| HTTP | 2.00 |",
        "| the server and its clients | 6.00 |",
    ]


@pytest.mark.slow
def test_the_profile_of_the_command_line_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-c", processor_time.PROFILED, str(tmp_path / "profile"), "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    functions = processor_time.Stats(str(tmp_path / "profile")).stats  # type: ignore[attr-defined]
    assert any(file.endswith("cli/main.py") and name == "run" for file, _, name in functions)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux")
def test_threads_are_told_apart_by_their_names() -> None:
    code = processor_time.NAMED.partition("runpy.run")[0] + (
        "names = []\n"
        "def look(): names.append(open(f'/proc/self/task/{threading.get_native_id()}/comm').read())\n"
        "thread = threading.Thread(target=look, name='batch-0')\n"
        "thread.start(); thread.join(); print(names[0], end='')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert processor_time._part(False, done.stdout) == "the threads that run batches"
    assert processor_time._part(True, "python") == "the thread that speaks HTTP"
    spent = processor_time.part_s(Server("127.0.0.1", 0, os.getpid(), "http"))
    assert spent["the thread that speaks HTTP"] > 0
