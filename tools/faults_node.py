"""Disturbs a DICOM node while films go through it, and counts what was lost and what was doubled.

    python tools/faults_node.py                    every fault; a quarter of an hour
    python tools/faults_node.py kill --films 500 --kills 50
    sudo python tools/faults_node.py disk          needs the right to mount a tmpfs

kill     kill -9 of the main process, the receiver or a decoder at random moments
disk     the folder of the node is a small tmpfs that fills, and is freed again
archive  the archive is down for a minute
orthanc  a real Orthanc is restarted while results are delivered to it
locked   another program locks the database for some seconds

The sender repeats every film until it is answered with 0000. Then each film must have exactly one
structured report at the destination: none is lost, more than one is doubled. Exits with 1 otherwise.
Needs DCMTK (dcmtk), and for "orthanc" Orthanc with DICOMweb.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pynetdicom import AE

import node_loopback as loopback
import orthanc_loopback
from node_loopback import FilmMaker, Node, wait_for
from orthanc_loopback import free_ports, orthanc

PATIENCE_S = 600.0
SIDE_PX = 256


@dataclass
class Sender:
    """Sends films in a thread, each again until it is answered with 0000.

    Attributes:
        port: Port of the node.
        films: How many.
        pause_s: Between two films.
        accepted: Films that were answered with 0000.
        answers: How often each status was answered; "none" for a connection that broke.
    """

    port: int
    films: int
    pause_s: float = 0.0
    accepted: int = 0
    answers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._maker = FilmMaker(SIDE_PX)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Waits until all films are accepted."""
        self._thread.join(PATIENCE_S)
        if self.accepted < self.films:
            raise TimeoutError(f"{self.films - self.accepted} films were not accepted")

    def _work(self) -> None:
        sender = AE()
        sender.acse_timeout = sender.dimse_timeout = sender.network_timeout = 30
        sender.add_requested_context(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
        association = None
        while self.accepted < self.films:
            if association is None or not association.is_established:
                association = sender.associate("127.0.0.1", self.port, ae_title="PNEUMOSCOPE")
            status = None
            if association.is_established:
                film = dcmread(io.BytesIO(self._maker.film(self.accepted)))
                with suppress(RuntimeError):  # the association ended meanwhile
                    status = association.send_c_store(film).get("Status")
            self.answers["none" if status is None else f"{status:04X}"] += 1
            self.accepted += status == 0
            time.sleep(self.pause_s if status == 0 else 0.2)
        association.release()


@dataclass
class Case:
    """One fault, with a folder of its own.

    Attributes:
        folder: The folder.
        films: How many films go through.
        options: Of the command line.
    """

    folder: Path
    films: int
    options: argparse.Namespace

    @property
    def stored(self) -> Path:
        """The folder of the archive."""
        folder = self.folder / "stored"
        folder.mkdir(exist_ok=True)
        return folder

    def reports(self) -> Counter[str]:
        """How many structured reports the archive has, by Study Instance UID."""
        return reports_in(self.stored)

    def wait(self, reports: Callable[[], Counter[str]]) -> bool:
        """Waits until every film has a report; says what was lost and doubled."""
        studies = {loopback.study_uid(number) for number in range(self.films)}
        with suppress(TimeoutError):
            wait_for(lambda: studies <= set(reports()), PATIENCE_S, 0.5)
        time.sleep(2)  # a second report would come now
        counts = reports()
        lost = len(studies - set(counts))
        doubled = sum(count > 1 for count in counts.values())
        print(f"  {self.films} films, lost {lost}, doubled {doubled}")
        return not lost and not doubled


def reports_in(folder: Path) -> Counter[str]:
    """The studies of the files in a folder; those that are just being written are left out."""
    studies: Counter[str] = Counter()
    for path in folder.iterdir():
        with suppress(Exception):
            studies[dcmread(path, specific_tags=["StudyInstanceUID"]).StudyInstanceUID] += 1
    return studies


def table(port: int, called: str = "ARCHIVE") -> str:
    """The destination: structured reports only, and short pauses after failures."""
    text = loopback.archive_table(port, called).replace('"sr", "sc", "seg"', '"sr"')
    return f"[delivery]\nfirst_pause_s = 0.5\nlongest_pause_s = 5\n\n{text}"


def kill(case: Case) -> bool:
    """kill -9 of random processes at random moments."""
    rng = random.Random(case.options.seed)
    [port] = free_ports(1)
    # Progress is films accepted plus reports stored, so that kills reach from the first film to the
    # last report.
    moments = sorted(rng.uniform(0, 1.9 * case.films) for _ in range(case.options.kills))
    killed: Counter[str] = Counter()
    with loopback.archive("-od", str(case.stored)) as (archive, _), ExitStack() as stack:
        running = stack.enter_context(loopback.node(case.folder, table(archive), port))
        sender = Sender(port, case.films)
        for moment in moments:
            reached = lambda moment=moment: sender.accepted + files(case.stored) >= moment  # noqa: E731
            wait_for(reached, PATIENCE_S, 0.02)
            time.sleep(rng.uniform(0, 0.5))
            purpose, pid = victim(running, rng)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed[purpose] += 1
            if purpose == "main":
                stack.close()
                running = restarted(stack, case, table(archive), port)
        sender.wait()
        print(f"  killed {dict(killed)}; answers {dict(sender.answers)}; load {loopback.load()}")
        return case.wait(case.reports)


def files(folder: Path) -> int:
    """The number of files in a folder."""
    return sum(1 for _ in folder.iterdir())


def victim(running: Node, rng: random.Random) -> tuple[str, int]:
    """A random process: first what it is for, so that one of many decoders is no likelier."""
    processes = loopback.processes(running)
    purpose = rng.choice(sorted(set(processes.values())))
    return purpose, rng.choice([pid for pid, name in processes.items() if name == purpose])


def restarted(stack: ExitStack, case: Case, tables: str, port: int) -> Node:
    """The node again; as a service manager, until its port is free."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return stack.enter_context(loopback.node(case.folder, tables, port))
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def disk(case: Case) -> bool:
    """A small disk fills, and is freed."""
    place = case.folder / "node"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], check=False
        ).returncode
    ):
        print("  left out: no right to mount a tmpfs")
        return True
    try:
        with (
            loopback.archive("-od", str(case.stored)) as (archive, _),
            loopback.node(case.folder, table(archive)) as running,
        ):
            ballast = place / "ballast"
            sender = Sender(running.port, case.films, 0.05)
            wait_for(lambda: sender.accepted > case.films // 5, PATIENCE_S)
            fill(ballast)
            wait_for(lambda: sender.answers["A700"] >= 5, 120)
            time.sleep(5)
            ballast.unlink()
            sender.wait()
            print(f"  answers {dict(sender.answers)}; load {loopback.load()}")
            return case.wait(case.reports) and sender.answers["A700"] > 0
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(path: Path) -> None:
    """Writes a file until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as stream:
        while stream.write(b"x" * 4096):
            pass


def archive(case: Case) -> bool:
    """The archive is down."""
    [port] = free_ports(1)
    with loopback.node(case.folder, table(port)) as running:
        sender = Sender(running.port, case.films)
        time.sleep(case.options.down_s)
        with loopback.archive("-od", str(case.stored), port=port):
            sender.wait()
            print(f"  answers {dict(sender.answers)}; load {loopback.load()}")
            return case.wait(case.reports)


def restarted_orthanc(case: Case) -> bool:
    """Orthanc is restarted."""
    ports = free_ports(2)

    try:
        with ExitStack() as stack, ExitStack() as node:
            server = stack.enter_context(orthanc(case.folder, ports=ports))
            running = node.enter_context(loopback.node(case.folder, table(ports[1], "ORTHANC")))
            sender = Sender(running.port, case.films)
            for share in (0.2, 0.6):
                wait_for(has_stored(server, share * case.films), PATIENCE_S)
                stack.close()
                time.sleep(5)
                server = stack.enter_context(orthanc(case.folder, ports=ports))
            sender.wait()
            print(f"  answers {dict(sender.answers)}; load {loopback.load()}")
            return case.wait(lambda: instances(server))
    except orthanc_loopback.Missing as missing:
        print(f"  left out: {missing}")
        return True


def has_stored(server: orthanc_loopback.Orthanc, studies: float) -> Callable[[], bool]:
    """Whether Orthanc has results of more than so many studies."""
    return lambda: len(instances(server)) > studies


def instances(server: orthanc_loopback.Orthanc) -> Counter[str]:
    """How many instances Orthanc has, by Study Instance UID."""
    studies: Counter[str] = Counter()
    for study in server.get("/studies?expand"):
        series = server.get(f"/studies/{study['ID']}/instances")
        studies[study["MainDicomTags"]["StudyInstanceUID"]] += len(series)
    return studies


def locked(case: Case) -> bool:
    """The database is locked by another program."""
    with (
        loopback.archive("-od", str(case.stored)) as (port, _),
        loopback.node(case.folder, table(port)) as running,
    ):
        sender = Sender(running.port, case.films, 0.05)
        for share in (0.1, 0.5):
            wait_for(lambda share=share: sender.accepted > share * case.films, PATIENCE_S)
            database = sqlite3.connect(case.folder / "node" / "node.sqlite", timeout=60)
            database.execute("BEGIN IMMEDIATE")
            time.sleep(case.options.locked_s)
            database.rollback()
            database.close()
        sender.wait()
        print(f"  answers {dict(sender.answers)}; load {loopback.load()}")
        return case.wait(case.reports)


FAULTS: dict[str, Callable[[Case], bool]] = {
    "kill": kill,
    "disk": disk,
    "archive": archive,
    "orthanc": restarted_orthanc,
    "locked": locked,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="example: python tools/faults_node.py kill --films 100 --kills 10",
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--films", type=int, help="default: 500 for kill, 60 for the others")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--down-s", type=float, default=60.0, help="how long the archive is down")
    parser.add_argument("--locked-s", type=float, default=15.0, help="each of two times")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if unknown := set(options.faults) - set(FAULTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    if not (shutil.which("storescp") and shutil.which("echoscu")):
        sys.exit("no storescp: apt-get install dcmtk")
    failed = []
    for name in options.faults or FAULTS:
        print(f"{name}: {FAULTS[name].__doc__}")
        films = options.films or (500 if name == "kill" else 60)
        with tempfile.TemporaryDirectory(prefix="faults-node-") as folder:
            if not FAULTS[name](Case(Path(folder), films, options)):
                failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "nothing lost, nothing doubled")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
