"""A real Orthanc with DICOMweb (Debian: orthanc, orthanc-dicomweb), for tests and nothing else."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "tester", "correct-horse"


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc.

    Attributes:
        http_port: Port of its REST API and of DICOMweb.
        dicom_port: Port of its DICOM server.
        title: Its AE title.
    """

    http_port: int
    dicom_port: int
    title: str = "ORTHANC"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def get(self, path: str, **more: Any) -> Any:
        """The JSON of an answer of its REST API."""
        answer = httpx.get(self.url + path, auth=(USER, PASSWORD), **more)
        answer.raise_for_status()
        return answer.json()

    def content(self, path: str) -> bytes:
        """The body of an answer of its REST API."""
        answer = httpx.get(self.url + path, auth=(USER, PASSWORD))
        answer.raise_for_status()
        return answer.content

    def post(self, path: str, content: bytes) -> Any:
        """Sends content to its REST API."""
        answer = httpx.post(self.url + path, content=content, auth=(USER, PASSWORD))
        answer.raise_for_status()
        return answer.json()

    def search(self, what: str, **filters: str) -> list[dict[str, Any]]:
        """A search by QIDO-RS."""
        return list(self.get(f"/dicom-web/{what}", params=filters))

    def clear(self) -> None:
        """Deletes everything that it has."""
        for patient in self.get("/patients"):
            httpx.delete(f"{self.url}/patients/{patient}", auth=(USER, PASSWORD))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@contextmanager
def orthanc(folder: Path, **changes: Any) -> Iterator[Orthanc]:
    """A new Orthanc, or a skip with the reason.

    Args:
        folder: For its configuration and its films.
        changes: Replace values of its configuration.
    """
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None or not _PLUGIN.exists():
        pytest.skip("no Orthanc: the packages orthanc and orthanc-dicomweb are not installed")
    http_port, dicom_port = free_ports(2)
    running = Orthanc(http_port, dicom_port)
    content = {
        "StorageDirectory": str(folder / "storage"),
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomPort": dicom_port,
        "DicomAet": running.title,
        "StableAge": 1,
        "Plugins": [str(_PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    } | changes
    config = folder / "orthanc.json"
    config.write_text(json.dumps(content))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(config)], stdout=log, stderr=log)
    try:
        _wait(process, running, folder / "orthanc.log")
        yield running
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], running: Orthanc, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            running.get("/system")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(log.read_text()[-2000:])
