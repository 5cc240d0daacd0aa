"""A real Orthanc with DICOMweb (Debian: orthanc, orthanc-dicomweb) on loopback, for tests and the demo."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "tester", "correct-horse"
ROUTE = """
-- Films only: otherwise the results would be sent to the node, too.
function OnStoredInstance(instance, tags, metadata)
  if tags['Modality'] == 'CR' or tags['Modality'] == 'DX' then
    SendToModality(instance, 'node')
  end
end
"""
"""Sends every film to the modality "node"."""


class Missing(Exception):
    """Orthanc or its plugin is not installed."""


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
        answer = requests.get(self.url + path, auth=(USER, PASSWORD), timeout=60, **more)
        answer.raise_for_status()
        return answer.json()

    def content(self, path: str) -> bytes:
        """The body of an answer of its REST API."""
        answer = requests.get(self.url + path, auth=(USER, PASSWORD), timeout=60)
        answer.raise_for_status()
        return answer.content

    def post(self, path: str, content: bytes) -> Any:
        """Sends content to its REST API."""
        answer = requests.post(self.url + path, data=content, auth=(USER, PASSWORD), timeout=60)
        answer.raise_for_status()
        return answer.json()

    def search(self, what: str, **filters: str) -> list[dict[str, Any]]:
        """A search by QIDO-RS."""
        return list(self.get(f"/dicom-web/{what}", params=filters))

    def classes(self, study: str) -> list[str]:
        """SOP classes of the instances of a study, by QIDO-RS."""
        return [item["00080016"]["Value"][0] for item in self.search(f"studies/{study}/instances")]

    def clear(self) -> None:
        """Deletes everything that it has."""
        for patient in self.get("/patients"):
            requests.delete(f"{self.url}/patients/{patient}", auth=(USER, PASSWORD), timeout=60)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@contextmanager
def orthanc(
    folder: Path, *, script: str = "", ports: Sequence[int] = (), **changes: Any
) -> Iterator[Orthanc]:
    """A running Orthanc.

    Args:
        folder: For its configuration and its films; it goes on with those that are there.
        script: Lua, see `ROUTE`.
        ports: Those of HTTP and DICOM; free ones if there are none.
        changes: Replace values of its configuration.

    Raises:
        Missing: It is not installed.
    """
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None or not PLUGIN.exists():
        raise Missing("no Orthanc: the packages orthanc and orthanc-dicomweb are not installed")
    http_port, dicom_port = ports or free_ports(2)
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
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    } | changes
    if script:
        lua = folder / "route.lua"
        lua.write_text(script)
        content["LuaScripts"] = [str(lua)]
    config = folder / "orthanc.json"
    config.write_text(json.dumps(content, indent=2))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(config)], stdout=log, stderr=log)
    try:
        _wait(process, running, folder / "orthanc.log")
        yield running
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], running: Orthanc, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            running.get("/system")
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise RuntimeError(log.read_text()[-2000:])
