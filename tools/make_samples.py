"""Makes the synthetic sample films of ``samples/`` from a principal-component model.

    python tools/make_samples.py --data PNEUMOSCOPE_DATA --out samples

For each class the films are summed up by their mean and their strongest components; a sample is
the mean plus the components with random weights, so it belongs to no patient. The table that is
printed shows how far each sample is from the nearest training film, beside how far training films
are from each other: a sample must not be a copy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from pneumoscope import data

SIDE = 224
# Enough components for ribs and lung markings; more only repeat the grain of single films.
COMPONENTS = 120
# (file name, class, seed): seeds whose samples look like films, inside the population, and on which the bundle is clear;
# they show how the software works, not how well.
SAMPLES = (
    ("normal-1.png", 0, 27),
    ("normal-2.png", 0, 21),
    ("pneumonia-1.png", 1, 36),
    ("pneumonia-2.png", 2, 8),
    ("pneumonia-3.dcm", 1, 17),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("samples"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    films = data.load(arguments.data, SIDE, task="multiclass", share=0.15, seed=0)
    for label in sorted({label for _, label, _ in SAMPLES}):
        rows = np.flatnonzero(films.labels == label)
        vectors = films.pixels[rows].reshape(len(rows), -1).astype(np.float32)
        mean, basis, spread = components(vectors)
        for name, kind, seed in SAMPLES:
            if kind == label:
                film = sample(mean, basis, spread, seed)
                print(f"{name}: correlation with the nearest film {nearest(film, vectors):.3f}")
                write(arguments.out / name, film, seed)
        others = [
            nearest(vectors[i].reshape(SIDE, SIDE), np.delete(vectors, i, 0)) for i in range(20)
        ]
        print(f"{films.names[label]} films: with their nearest {np.median(others):.3f} (median)")


def components(
    films: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Mean (pixels,), strongest components (k, pixels) and their standard deviations (k,)."""
    mean = films.mean(axis=0)
    centred = films - mean
    # The Gram matrix is far smaller than the covariance of the pixels.
    values, vectors = np.linalg.eigh(centred @ centred.T)
    top = np.argsort(values)[::-1][:COMPONENTS]
    basis = (vectors[:, top] / np.sqrt(values[top])).T @ centred
    return mean, basis, np.sqrt(values[top] / (len(films) - 1))


def sample(
    mean: NDArray[np.float32], basis: NDArray[np.float32], spread: NDArray[np.float32], seed: int
) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    # Below one standard deviation, since the strongest components also hold odd poses.
    weights = np.clip(rng.normal(0, 0.75, len(spread)), -1.5, 1.5) * spread
    film = (mean + weights @ basis).reshape(SIDE, SIDE)
    low, high = np.percentile(film, [0.5, 99.5])
    film = (film - low) / (high - low) * 235 + 5
    grain = rng.normal(0, 2.5, film.shape)
    return np.clip(np.rint(film + grain), 0, 255).astype(np.uint8)


def nearest(film: NDArray[np.generic], films: NDArray[np.float32]) -> float:
    """Highest correlation with any of the films."""
    x = film.ravel().astype(np.float32)
    x = (x - x.mean()) / x.std()
    y = films - films.mean(axis=1, keepdims=True)
    return float((y @ x / (films.std(axis=1) * x.size)).max())


def write(path: Path, film: NDArray[np.uint8], seed: int) -> None:
    picture = Image.fromarray(film).resize((512, 512), Image.Resampling.BICUBIC)
    if path.suffix == ".png":
        picture.save(path, optimize=True)
        return
    pixels = 4095 - np.asarray(picture).astype(np.uint16) * 16
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["pneumoscope sample", str(seed)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = (
        meta.MediaStorageSOPClassUID,
        meta.MediaStorageSOPInstanceUID,
    )
    ds.StudyInstanceUID, ds.SeriesInstanceUID = (
        generate_uid(entropy_srcs=["pneumoscope sample", str(seed), part])
        for part in ("study", "series")
    )
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.SeriesNumber = "20260101", "120000", "1", 1
    ds.PatientName, ds.PatientID, ds.PatientAge = "SYNTHETIC^SAMPLE", "SAMPLE", "004Y"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "AP"
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 16, 12, 11
    ds.PixelRepresentation = 0
    ds.PhotometricInterpretation, ds.PresentationLUTShape = "MONOCHROME1", "INVERSE"
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.ImagerPixelSpacing = [0.5, 0.5]
    ds.PixelData = pixels.tobytes()
    ds.save_as(path, enforce_file_format=True)


if __name__ == "__main__":
    main()
