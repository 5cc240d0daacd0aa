"""The whole circle with real parts: a film from a sender to an archive, to the node, and its results back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archives import certificate
from orthanc_loopback import ROUTE
from orthanc_server import PASSWORD, USER, Orthanc, free_ports, orthanc
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.bundle import Bundle
from result_films import CR, UIDS, film_bytes, validation_errors

pytestmark = pytest.mark.server
STUDY = UIDS["StudyInstanceUID"]
RESULTS = sorted(KINDS[kind].sop_class_uid for kind in ("sr", "sc", "seg"))


@contextmanager
def node(folder: Path, bundle: Bundle, port: int, tables: str) -> Iterator[None]:
    """A node as a hospital starts it.

    Args:
        folder: For its configuration and its data.
        bundle: Reads the films.
        port: Of its Storage SCP.
        tables: The rest of its configuration, behind the table ``receiver``.
    """
    config = folder / "node.toml"
    config.write_text(
        f'[node]\nfolder = "{folder / "node"}"\nbundles = ["{bundle.path}"]\nthreads = 1\n'
        f"[receiver]\nport = {port}\n{tables}"
    )
    log = folder / "node.log"
    command = [sys.executable, "-m", "pneumoscope", "pacs", "--config", str(config)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stderr=stream, stdout=stream, env=environment)
    try:
        wait(lambda: "listens on" in log.read_text() or process.poll() is not None, log)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0, log.read_text()


def wait(reached: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 90
    while not reached():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def archive_table(server: Orthanc, more: str = "") -> str:
    return (
        f'[destinations.archive]\ntype = "c-store"\nhost = "127.0.0.1"\n'
        f'port = {server.dicom_port}\ncalled_ae = "{server.title}"\n{more}'
    )


def results(server: Orthanc) -> list[str]:
    """SOP classes of a study besides that of its film."""
    try:
        return sorted(set(server.classes(STUDY)) - {CR})
    except ValueError:  # no content: there is no such study yet
        return []


def test_a_film_goes_round_with_tls_and_commitment(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """storescu, Orthanc, its Lua script, the node, and Orthanc again: encrypted both ways."""
    storescu = shutil.which("storescu")
    if storescu is None:
        pytest.skip("no storescu: the package dcmtk is not installed")
    theirs, ours = certificate(tmp_path, "theirs"), certificate(tmp_path, "ours")
    [port] = free_ports(1)
    peer = {"AET": "PNEUMOSCOPE", "Host": "127.0.0.1", "Port": port, "UseDicomTls": True}
    options = {
        "DicomModalities": {"node": peer},
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(theirs),
        "DicomTlsPrivateKey": str(theirs),
        "DicomTlsTrustedCertificates": str(ours),
    }
    (tmp_path / "film.dcm").write_bytes(film_bytes(200))
    with orthanc(tmp_path, script=ROUTE, **options) as server:
        tls_table = f'tls_authority = "{theirs}"\ntls_certificate = "{ours}"\n'
        tables = tls_table + archive_table(server, tls_table + "commitment = true\n")
        with node(tmp_path, tiny_bundle, port, tables):
            tls = ["+tls", str(ours), str(ours), "+cf", str(theirs)]
            target = ["-aec", server.title, "127.0.0.1", str(server.dicom_port)]
            subprocess.run([storescu, *tls, *target, str(tmp_path / "film.dcm")], check=True)
            log = tmp_path / "node.log"
            wait(lambda: "a result was delivered" in log.read_text(), log)
        assert results(server) == RESULTS
        assert len(server.get("/studies")) == 1
        _check_contents(server, tmp_path)
        # The log speaks of no patient and no study.
        written = log.read_text()
        assert not any(secret in written for secret in ("SECRET", *UIDS.values()))


def _check_contents(server: Orthanc, folder: Path) -> None:
    """Every object as the archive gives it: valid, readable, and the picture visible."""
    for number, instance in enumerate(server.get("/instances")):
        tags = server.get(f"/instances/{instance}/simplified-tags")
        if tags["Modality"] == "CR":
            continue
        place = folder / str(number)
        place.mkdir()
        content = server.content(f"/instances/{instance}/file")
        assert validation_errors(content, place) == []
        if tags["Modality"] == "SR" and (dsrdump := shutil.which("dsrdump")):
            dump = subprocess.run(
                [dsrdump, str(place / "object.dcm")], capture_output=True, text=True, check=True
            )
            assert "AI verdict" in dump.stdout
        if tags["Modality"] == "OT":
            assert server.content(f"/instances/{instance}/preview").startswith(b"\x89PNG")


def test_films_are_fetched_and_results_sent_by_dicomweb(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    with orthanc(tmp_path) as server:
        server.post("/instances", film_bytes(200, Modality="CR"))
        login = f'user = "{USER}"\npassword_file = "{password}"\n'
        tables = (
            f'[destinations.archive]\ntype = "stow-rs"\nurl = "{server.url}/dicom-web"\n{login}'
            f'[pull.archive]\ntype = "orthanc"\nurl = "{server.url}"\ninterval_s = 1\n{login}'
        )
        [port] = free_ports(1)
        with node(tmp_path, tiny_bundle, port, tables):
            wait(lambda: results(server) == RESULTS, tmp_path / "node.log")
        assert len(server.classes(STUDY)) == 1 + len(RESULTS)
