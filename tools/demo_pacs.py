"""Sends the sample films round: to an Orthanc archive, from there to a node, and their results back.

python tools/demo_pacs.py             starts both on loopback, and leaves them running
python tools/demo_pacs.py --once      ends as soon as every result is in the archive
python tools/demo_pacs.py --pictures DIR    also takes a picture of a study in Orthanc's own page

Needs Orthanc with DICOMweb (Debian: orthanc, orthanc-dicomweb). With DCMTK (dcmtk), the structured
reports are dumped as text.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

import orthanc_loopback
from orthanc_loopback import PASSWORD, ROUTE, USER, Orthanc, free_ports, orthanc

ROOT = Path(__file__).parents[1]
_RESULTS = 3
"""Objects of each result: SR, SC and SEG."""
_LONGEST_S = 180
_UID = "1.2.826.0.1.3680043.8.498.9"
"""Under which pydicom allows UIDs for examples."""


def films() -> dict[str, Dataset]:
    """The sample films by name; those that are pictures become CR objects of made-up patients."""
    made = {}
    for number, path in enumerate(sorted((ROOT / "samples").glob("*.*g")), 1):
        made[path.stem] = _film(np.asarray(Image.open(path).convert("L")), number)
    for path in sorted((ROOT / "samples").glob("*.dcm")):
        made[path.stem] = dcmread(path)
    return made


def _film(pixels: np.ndarray, number: int) -> Dataset:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID = film.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    film.StudyInstanceUID = f"{_UID}.{number}"
    film.SeriesInstanceUID = f"{_UID}.{number}.1"
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = f"{_UID}.{number}.1.1"
    film.PatientName, film.PatientID = f"Sample^{number}", f"SAMPLE-{number}"
    film.PatientBirthDate = film.PatientSex = film.StudyDate = film.StudyTime = ""
    film.StudyID, film.AccessionNumber, film.ReferringPhysicianName = str(number), "", ""
    film.Modality, film.Manufacturer, film.BodyPartExamined = "CR", "synthetic", "CHEST"
    film.SeriesNumber = film.InstanceNumber = 1
    film.Rows, film.Columns = pixels.shape
    film.SamplesPerPixel, film.PixelRepresentation = 1, 0
    film.PhotometricInterpretation = "MONOCHROME2"
    film.BitsAllocated, film.BitsStored, film.HighBit = 8, 8, 7
    film.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
    return film


@contextmanager
def node(folder: Path, archive: Orthanc, port: int) -> Iterator[None]:
    """A node that returns results to an archive."""
    config = folder / "node.toml"
    config.write_text(
        f"""[node]
folder = "{folder / "node"}"

[receiver]
port = {port}

[destinations.archive]
type = "c-store"
host = "127.0.0.1"
port = {archive.dicom_port}
called_ae = "{archive.title}"
commitment = true
"""
    )
    command = [sys.executable, "-m", "pneumoscope", "pacs", "--config", str(config)]
    with (folder / "node.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(lambda: "listens on" in (folder / "node.log").read_text(), folder)
        yield
    finally:
        process.terminate()
        process.wait(90)


def _wait(reached: object, folder: Path) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not reached():  # type: ignore[operator]
        if time.monotonic() > deadline:
            sys.exit(f"not finished within {_LONGEST_S} s; see {folder}/node.log")
        time.sleep(0.2)


def send(archive: Orthanc, sent: dict[str, Dataset]) -> None:
    """Sends films to the archive by C-STORE, as an X-ray system does."""
    sender = AE(ae_title="XRAY")
    for film in sent.values():
        sender.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = sender.associate("127.0.0.1", archive.dicom_port, ae_title=archive.title)
    for name, film in sent.items():
        status = association.send_c_store(film).Status
        print(f"{name}: the archive answers {status:04X}")
    association.release()


def results(archive: Orthanc, film: Dataset) -> dict[str, bytes]:
    """Modality to file of the other objects of a film's study."""
    items = {}
    for instance in archive.get("/instances"):
        tags = archive.get(f"/instances/{instance}/simplified-tags")
        if tags["StudyInstanceUID"] == film.StudyInstanceUID and tags["Modality"] != film.Modality:
            items[tags["Modality"]] = archive.content(f"/instances/{instance}/file")
    return items


def keep(name: str, objects: dict[str, bytes], folder: Path) -> str:
    """Writes the objects of a film into a folder, the picture and the report also for people."""
    for modality, content in objects.items():
        (folder / f"{name}.{modality.lower()}.dcm").write_bytes(content)
    picture = dcmread(io.BytesIO(objects["OT"])).pixel_array
    Image.fromarray(picture).save(folder / f"{name}.png")
    report = dcmread(io.BytesIO(objects["SR"]))
    if dsrdump := shutil.which("dsrdump"):
        dump = subprocess.run(
            [dsrdump, str(folder / f"{name}.sr.dcm")], capture_output=True, text=True, check=True
        )
        (folder / f"{name}.sr.txt").write_text(dump.stdout)
    return _verdict(report)


def _verdict(report: Dataset) -> str:
    """The meaning of the item "AI verdict" of a structured report."""
    for item in report.get("ContentSequence", ()):
        names = item.get("ConceptNameCodeSequence")
        if names and names[0].CodeMeaning == "AI verdict":
            return str(item.ConceptCodeSequence[0].CodeMeaning)
        if inner := _verdict(item):
            return inner
    return ""


def picture_of(archive: Orthanc, film: Dataset, file: Path) -> None:
    """A picture of a study in Orthanc's own page."""
    from playwright.sync_api import sync_playwright

    [study] = [
        s
        for s in archive.get("/studies")
        if archive.get(f"/studies/{s}")["MainDicomTags"]["StudyInstanceUID"]
        == film.StudyInstanceUID
    ]
    names = ("chromium-headless-shell", "chromium")
    program = next(filter(None, map(shutil.which, names)))
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(
            http_credentials={"username": USER, "password": PASSWORD},
            viewport={"width": 1000, "height": 760},
        )
        page.goto(f"{archive.url}/app/explorer.html#study?uuid={study}")
        page.wait_for_timeout(2000)
        page.screenshot(path=str(file), type="jpeg", quality=70)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "demo" / "pacs")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    [port] = free_ports(1)
    peers = {"node": ["PNEUMOSCOPE", "127.0.0.1", port]}
    try:
        with orthanc(options.folder, script=ROUTE, DicomModalities=peers) as archive:
            print(f"Orthanc: DICOM port {archive.dicom_port}, {archive.url}")
            with node(options.folder, archive, port):
                print(f"node: DICOM port {port}")
                _round(archive, options)
    except orthanc_loopback.Missing as missing:
        sys.exit(f"{missing}\napt-get install orthanc orthanc-dicomweb dcmtk")


def _round(archive: Orthanc, options: argparse.Namespace) -> None:
    sent = films()
    started = time.monotonic()
    send(archive, sent)
    for name, film in sent.items():
        _wait(lambda film=film: len(results(archive, film)) == _RESULTS, options.folder)
        objects = results(archive, film)
        print(f"{name}: {keep(name, objects, options.folder)} ({', '.join(sorted(objects))})")
    print(
        f"{len(sent)} films: all results are in the archive after {time.monotonic() - started:.1f} s"
    )
    print(f"The objects are in {options.folder}")
    if options.pictures:
        picture_of(archive, sent["pneumonia-3"], options.pictures / "orthanc-study.jpg")
    if not options.once:
        print(f"Look at {archive.url}/app/explorer.html (user {USER}, password {PASSWORD})")
        print("Ctrl-C ends both.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
