"""A whole node with a real process, real sockets and a folder: nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pydicom import dcmread

from archives import unclosed_sockets
from audit_schema import checked, facts
from command_line import invoke
from pneumoscope.audit_log.log import LOG
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.jobs.store import Store
from pneumoscope.pacs.config import DiskLimits, NodeSettings, read_config
from pneumoscope.pacs.destinations.base import Check
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.intake import OWNER
from pneumoscope.pacs.node import _warn_of_unconfigured, open_node, start_polling
from pneumoscope.pacs.pull.settings import PullSettings
from pneumoscope.pacs.spool import Spool
from sent_films import PLANTED, file_of, send, sent
from stored_results import Results
from syslogs import Syslog

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
PATIENCE_S = 120.0
FILMS = 6


@pytest.fixture(autouse=True)
def _sockets() -> Iterator[None]:
    with unclosed_sockets():
        yield


@pytest.fixture
def syslog() -> Iterator[Syslog]:
    with Syslog() as started:
        yield started


def config(folder: Path, bundle: Bundle) -> str:
    return (
        f'[node]\nfolder = "{folder}"\nbundles = ["{bundle.path}"]\nthreads = 1\nlog = "json"\n'
        f"metrics_port = 0\n[receiver]\nport = 0\n[disk]\nfree_gib = 0\n"
        f'[destinations.results]\ntype = "folder"\nfolder = "{folder / "out"}"\nobjects = ["sr"]\n'
    )


@dataclass
class Running:
    """A node in a process of its own.

    Attributes:
        process: The process.
        port: TCP port of its receiver.
        metrics: URL of its metrics.
    """

    process: subprocess.Popen[str]
    port: int
    metrics: str


@contextmanager
def running(file: Path) -> Iterator[Running]:
    """A node as an operator starts it."""
    command = [sys.executable, "-m", "pneumoscope", "pacs", "--config", str(file)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        seen = ""
        for line in process.stderr:
            seen += line
            port = re.search(r"listens on 127.0.0.1 port (\d+)", seen)
            if port and (metrics := re.search(r"metrics on (\S+)", seen)):
                yield Running(process, int(port[1]), metrics[1])
                return
        pytest.fail(seen)
    finally:
        process.kill()
        process.communicate()


def results(folder: Path, number: int) -> list[Path]:
    """The files of results, once there are this many."""
    deadline = time.monotonic() + PATIENCE_S
    while len(files := sorted((folder / "out").rglob("*.sr.dcm"))) < number:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    return files


def figure(metrics: str, name: str) -> float:
    """The value of a line of the metrics."""
    return float(metrics.split(f"pneumoscope_node_{name} ")[1].split("\n")[0])


@dataclass
class Source:
    """A source with two films, of which one is none."""

    settings: PullSettings

    def poll(self, accept: Callable[[bytes], None]) -> int:
        for film in (file_of(sent(1)), b"no DICOM file"):
            accept(film)
        return 2

    def check(self) -> Check:
        return Check(ok=True, text="")


def test_films_that_are_fetched_go_into_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, fetched = Spool(tmp_path / "spool", DiskLimits(10**8, 0)), threading.Semaphore(0)
    source = Source(PullSettings("archive", "orthanc", HttpSettings("http://127.0.0.1")))
    monkeypatch.setattr("pneumoscope.pacs.node.open_sources", lambda *_: [source])
    polling = start_polling(NodeSettings(folder=tmp_path), spool, fetched.release)
    assert all(fetched.acquire(timeout=PATIENCE_S) for _ in range(2))
    polling.stop()
    contents = {path.read_bytes() for path in spool.films()}
    assert contents == {file_of(sent(1)), b"no DICOM file"}  # `Intake` says why it is no film


def test_results_for_a_destination_that_was_renamed_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = Results(tmp_path)
    results.add("archive", "renamed")
    _warn_of_unconfigured(NodeSettings(folder=tmp_path), results.store)
    archive, renamed = caplog.messages
    assert archive.startswith("1 result waits for archive, which is not in the configuration; ")
    assert f"pneumoscope queue redirect renamed --drop --folder {tmp_path}" in renamed
    results.store.close()


@pytest.mark.server
def test_a_node_that_is_killed_loses_and_doubles_nothing(
    tiny_bundle: Bundle, tmp_path: Path, syslog: Syslog
) -> None:
    file = tmp_path / "node.toml"
    file.write_text(config(tmp_path, tiny_bundle), encoding="utf-8")
    films = [sent(number) for number in range(FILMS)]
    with running(file) as node:
        assert send(node.port, films[1:]) == [0] * (FILMS - 1)
        node.process.send_signal(signal.SIGKILL)
    audit = f'[audit]\nsyslog = "tcp://127.0.0.1:{syslog.port}"\npseudonyms = true\n'
    file.write_text(config(tmp_path, tiny_bundle) + audit, encoding="utf-8")
    with running(file) as node:
        assert send(node.port, films[:2]) == [0, 0]  # a new film, and one again
        files = results(tmp_path, FILMS)
        assert send(node.port, films[:2]) == [0, 0]  # and again when they are done
        while list((tmp_path / "spool").iterdir()):
            threading.Event().wait(0.02)
        with pytest.raises(UsageError, match="another server is using this database"):
            open_node(read_config(file))
        with urllib.request.urlopen(node.metrics, timeout=30) as answer:
            metrics = answer.read().decode()
        with urllib.request.urlopen(node.metrics.replace("metrics", "status.json")) as answer:
            status = json.load(answer)
        assert send(node.port, films[:1], called="SOMEBODY") == []
        node.process.send_signal(signal.SIGTERM)
        _, log = node.process.communicate(timeout=PATIENCE_S)
        assert node.process.returncode == 0
    of = [dcmread(path).CurrentRequestedProcedureEvidenceSequence[0] for path in files]
    assert sorted(each.StudyInstanceUID for each in of) == [f"1.2.3.5.{n}" for n in range(FILMS)]
    store = Store(f"sqlite:///{tmp_path / 'node.sqlite'}")
    assert store.counts(OWNER) == {"done": FILMS}
    store.close()
    assert not list((tmp_path / "spool").iterdir())
    assert not list((tmp_path / "films").iterdir())
    assert 'pneumoscope_node_received_total{status="0000"} 4.0' in metrics
    # Sent again when they were done: two. Sent again earlier, and taken while the node was killed: up to three.
    assert 2 <= figure(metrics, 'films_taken_total{what="duplicate"}') <= 5
    messages = [json.loads(line)["message"] for line in log.splitlines() if line.startswith("{")]
    assert "a film was received that is known already" in messages
    assert "a result was delivered" in messages
    assert (status["received"], status["films"], status["verdicts"]) == (
        4,
        {"done": FILMS},
        {"PNEUMONIA": FILMS},
    )
    assert status["destinations"]["results"]["delivered"] == FILMS
    trail = b"".join(syslog.wait_for(7)).decode()
    events = [facts(checked(text[text.index(b"<?xml") :])) for text in syslog.texts]
    alert = ("110113", ["110126"])
    assert [(each["event"], each["types"]) for each in events] == [
        ("110100", ["110120"]), *[("110104", [])] * 4, alert, ("110100", ["110121"]),
    ]  # fmt: skip
    verified = invoke("audit-log", "verify", "--folder", tmp_path)
    assert "none changed" in verified.output
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    counts = Counter(line["what"] for line in lines)
    assert (counts["film accepted"], counts["result sent"]) == (FILMS, FILMS)
    assert counts["connection refused: association"] == counts["node stopped"] == 1
    planted = (*PLANTED, "1.2.3.4.", "1.2.3.5.")
    for text in (log, metrics, json.dumps(status), trail, json.dumps(lines)):
        assert not any(value in text for value in planted)
