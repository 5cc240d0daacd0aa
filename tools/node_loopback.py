"""Films and a running DICOM node on loopback, for the tools that measure it and that disturb it."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from orthanc_loopback import free_ports

SAMPLES = Path(__file__).parents[1] / "samples"
_ROOT = "1.2.826.0.1.3680043.8.498.77"
"""Under which pydicom allows UIDs for examples."""
_NUMBER = "1000000000"
_PATIENCE_S = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")


class FilmMaker:
    """Makes DX films of 12 bits in 16: sample films with noise, each of a study of its own."""

    def __init__(self, side_px: int) -> None:
        self._side_px = side_px
        rng = np.random.default_rng(0)
        self._files = [self._film(path, rng) for path in sorted(SAMPLES.glob("*.png"))]

    def _film(self, path: Path, rng: np.random.Generator) -> bytes:
        side = self._side_px
        picture = Image.open(path).convert("L").resize((side, side), Image.Resampling.BICUBIC)
        noise = rng.integers(0, 16, (side, side), np.uint16)
        film = Dataset()
        film.file_meta = FileMetaDataset()
        film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        film.SOPClassUID = DigitalXRayImageStorageForPresentation
        film.StudyInstanceUID = f"{_ROOT}.1.{_NUMBER}"
        film.SeriesInstanceUID = f"{_ROOT}.2.{_NUMBER}"
        film.SOPInstanceUID = f"{_ROOT}.3.{_NUMBER}"
        film.PatientName, film.PatientID = "Sample^Film", "SAMPLE"
        film.PatientBirthDate = film.PatientSex = film.StudyDate = film.StudyTime = ""
        film.StudyID, film.AccessionNumber, film.ReferringPhysicianName = "1", "", ""
        film.Modality, film.Manufacturer, film.BodyPartExamined = "DX", "synthetic", "CHEST"
        film.PatientAge, film.ViewPosition, film.ImageType = "004Y", "AP", ["ORIGINAL", "PRIMARY"]
        film.SeriesNumber = film.InstanceNumber = 1
        film.Rows = film.Columns = side
        film.SamplesPerPixel, film.PixelRepresentation = 1, 0
        film.PhotometricInterpretation, film.PresentationLUTShape = "MONOCHROME2", "IDENTITY"
        film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
        film.WindowCenter, film.WindowWidth = 2048, 4096
        film.PixelData = (np.asarray(picture).astype(np.uint16) * 16 + noise).tobytes()
        stream = io.BytesIO()
        film.save_as(stream, enforce_file_format=True)
        return stream.getvalue()

    def film(self, number: int) -> bytes:
        """The file of a film; the number makes its UIDs."""
        data = self._files[number % len(self._files)]
        return data.replace(_NUMBER.encode(), _digits(number).encode())

    def write(self, folder: Path, first: int, count: int) -> list[Path]:
        """Writes films into a new folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        paths = [folder / f"{number}.dcm" for number in range(first, first + count)]
        for number, path in enumerate(paths, first):
            path.write_bytes(self.film(number))
        return paths


def _digits(number: int) -> str:
    # A component of a UID does not begin with 0 (PS3.5 9.1).
    return str(10 ** (len(_NUMBER) - 1) + number)


def study_uid(number: int) -> str:
    """The Study Instance UID of a film."""
    return f"{_ROOT}.1.{_digits(number)}"


@dataclass
class Node:
    """A node in processes of its own.

    Attributes:
        process: The main process.
        port: TCP port of its receiver.
        metrics: URL of its metrics.
        log: The file of its log.
    """

    process: subprocess.Popen[bytes]
    port: int
    metrics: str
    log: Path

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; no other is computed, which would slow the node down."""
        with urllib.request.urlopen(f"{self.metrics}?name[]={name}", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[{{ ]", line)
        )


@contextmanager
def node(folder: Path, tables: str, port: int = 0, *, bundle: Path | None = None) -> Iterator[Node]:
    """A running node, started as an operator starts it, and killed at the end.

    Args:
        folder: Where its files are; what an earlier one has left there is gone on with.
        tables: The destinations, as in its configuration.
        port: TCP port of its receiver; 0 for a free one.
        bundle: Reads the films; None for the bundles of the package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundles = "" if bundle is None else f'bundles = ["{bundle}"]\n'
    config = folder / "node.toml"
    config.write_text(
        f'[node]\nfolder = "{folder / "node"}"\nmetrics_port = 0\n{bundles}\n'
        f"[receiver]\nport = {port}\n\n[disk]\nfree_gib = 0\n\n{tables}",
        encoding="utf-8",
    )
    log = folder / "node.log"
    log.touch()
    offset = log.stat().st_size
    command = [sys.executable, "-m", "pneumoscope", "pacs", "--config", str(config)]
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
    try:
        yield _started(process, log, offset)
    finally:
        process.kill()
        process.wait()


def _started(process: subprocess.Popen[bytes], log: Path, offset: int) -> Node:
    ports: dict[str, str] = {}

    def is_ready() -> bool:
        text = log.read_bytes()[offset:].decode(errors="replace")
        for name, pattern in (("port", r"listens on \S+ port (\d+)"), ("url", r"metrics on (\S+)")):
            if match := re.search(pattern, text):
                ports[name] = match[1]
        if process.poll() is not None:
            raise RuntimeError(f"the node has ended:\n{text}")
        return len(ports) == 2

    wait_for(is_ready, _PATIENCE_S)
    return Node(process=process, port=int(ports["port"]), metrics=ports["url"], log=log)


def folder_table(folder: Path, objects: Sequence[str] = ("sr", "sc", "seg")) -> str:
    """A destination that is a folder."""
    names = ", ".join(f'"{name}"' for name in objects)
    return f'[destinations.results]\ntype = "folder"\nfolder = "{folder}"\nobjects = [{names}]\n'


def archive_table(port: int, called: str = "ARCHIVE") -> str:
    """A destination that takes SR, SC and SEG by C-STORE."""
    return (
        f'[destinations.archive]\ntype = "c-store"\nhost = "127.0.0.1"\nport = {port}\n'
        f'called_ae = "{called}"\nobjects = ["sr", "sc", "seg"]\n'
    )


@contextmanager
def archive(*options: str, port: int = 0) -> Iterator[tuple[int, int]]:
    """DCMTK's `storescp`; gives its port and its process id.

    Args:
        options: ``--ignore`` for a null SCP, or ``-od FOLDER``.
        port: TCP port; 0 for a free one.
    """
    port = port or free_ports(1)[0]
    command = ["storescp", "--aetitle", "ARCHIVE", "+xa", *options, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        echo = ["echoscu", "127.0.0.1", str(port)]
        wait_for(lambda: subprocess.run(echo, capture_output=True, check=False).returncode == 0, 30)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def send(port: int, folder: Path, *, called: str = "PNEUMOSCOPE", check: bool = True) -> int:
    """Sends the files of a folder by DCMTK's `storescu`; returns its exit status."""
    command = ["storescu", "--scan-directories", "-aec", called, "127.0.0.1", str(port)]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"storescu failed: {done.stderr}")
    return done.returncode


def wait_for(reached: Callable[[], bool], patience_s: float, pause_s: float = 0.05) -> None:
    """Waits until something is true.

    Raises:
        TimeoutError: It takes too long.
    """
    deadline = time.monotonic() + patience_s
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not reached within {patience_s:g} s")
        time.sleep(pause_s)


def processes(running: Node) -> dict[int, str]:
    """The processes of a node: what each is for, by process id."""
    sockets = _listening(running.port)
    purposes = {running.process.pid: "main"}
    for child in _children(running.process.pid):
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"resource_tracker" not in command:
            purposes[child] = "receiver" if _opened(child) & sockets else "decoder"
    return purposes


def _listening(port: int) -> set[str]:
    """The sockets that listen on a TCP port, as links in /proc name them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return {
        f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"
    }


def _opened(pid: int) -> set[str]:
    """What the open files of a process are."""
    names = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            names.add(str(link.readlink()))
    return names


def _children(pid: int) -> list[int]:
    ids = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in ids.read_text().split()] if ids.exists() else []


def cpu_s(pid: int) -> float:
    """Processor time of a process, also in the system, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pids: Sequence[int]) -> float:
    """Resident memory of processes; pages that several share count for each of them."""
    size = 0
    for pid in pids:
        statm = Path(f"/proc/{pid}/statm")
        size += int(statm.read_text().split()[1]) if statm.exists() else 0
    return size * os.sysconf("SC_PAGE_SIZE") / 2**20


def load() -> float:
    """How busy the machine is."""
    return round(os.getloadavg()[0], 1)
