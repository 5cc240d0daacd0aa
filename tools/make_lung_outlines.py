"""Learns the lung outlines of `pneumoscope.evidence.evaluation.lung_field` from a folder of films, without any drawn mask.

    python tools/make_lung_outlines.py --data chest_xray

1. Thresholding: on films with clear lungs, what is darker than its surroundings falls into two areas. Films
   where it does not, or where the areas are odd, are left out; so are outlines unlike the others.
2. The regressions are learned on these films, distorted, and with opacities painted over the lungs.
3. The model draws outlines on all other training films; those that settled join, and 2. is done again.

Validation films (of the split that training draws) are never looked at. About six minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pneumoscope import data
from pneumoscope.evidence.evaluation import lung_field
from pneumoscope.files import replacing
from pneumoscope.train.data.films import SPLIT_SEED

FILM = 224
MODES = 24
RIDGE = 0.3
COPIES = 6  # distorted copies of a thresholded film
OWN_COPIES = 2  # of a film that the model outlined itself
OWN_FILMS = 1500
LEAST_LIKENESS, MOST_OUTSIDE = 0.6, 0.12  # stricter than what the field doubts

Outlines = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of films")
    parser.add_argument("--out", type=Path, default=lung_field.MODEL, help="model file to write")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    lung_field.MODEL = args.out
    films = data.load(args.data, FILM, task="multiclass", share=0.15, seed=SPLIT_SEED)
    rows = films.rows("train")
    pixels = np.asarray(films.pixels)[rows]
    clear, outlines = thresholded(pixels)
    print(f"{len(rows)} training films, {len(clear)} outlined by thresholding")
    held = np.random.default_rng(1).permutation(len(clear))[:60]
    rest = np.setdiff1d(np.arange(len(clear)), held)
    write(learn([(pixels[clear[rest]], outlines[rest], COPIES)]), args.out)
    report("by thresholding", pixels[clear[held]], outlines[held])
    others, drawn = settled(pixels, clear)
    print(f"{len(others)} films outlined by the model are added")
    parts = [(pixels[clear[rest]], outlines[rest], COPIES), (pixels[others], drawn, OWN_COPIES)]
    write(learn(parts), args.out)
    report("with films outlined by the model", pixels[clear[held]], outlines[held])


def thresholded(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.intp], Outlines]:
    """Films on which both lungs are clearly visible, and their outlines (n, 2, 32, 2)."""
    clear, outlines = [], []
    for i, film in enumerate(pixels):
        areas = dark_areas(film)
        if areas is None:
            continue
        both = [outline_of(area, right) for area, right in zip(areas, (False, True), strict=True)]
        if both[0] is not None and both[1] is not None:
            clear.append(i)
            outlines.append(np.stack(both))
    rows, shapes = np.array(clear), np.array(outlines, np.float32)
    kept = usual(shapes)
    return rows[kept], shapes[kept]


def dark_areas(film: NDArray[np.uint8]) -> list[NDArray[np.uint8]] | None:
    """The two areas of a film that are darker than their surroundings, if they look like lungs."""
    smooth = cv2.GaussianBlur(film, (0, 0), 3).astype(np.float32)
    inside = cv2.erode(lung_field.body(film).astype(np.uint8), np.ones((9, 9), np.uint8))
    weight = inside.astype(np.float32)
    mean = cv2.GaussianBlur(smooth * weight, (0, 0), 28) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), 28), 1e-3
    )
    contrast = np.clip(smooth - mean + 128, 0, 255)
    middle = inside[20:210] > 0
    if not middle.any():
        return None
    cut, _ = cv2.threshold(contrast[20:210][middle].astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    dark = cv2.morphologyEx(
        ((contrast < cut) & (inside > 0)).astype(np.uint8), cv2.MORPH_OPEN, disc(7)
    )
    _, labels, stats, centres = cv2.connectedComponentsWithStats(dark)
    areas = []
    for right in (False, True):
        numbers = [
            k
            for k in range(1, len(stats))
            if stats[k, 4] >= 1200 and 45 < centres[k][1] < 170 and (centres[k][0] >= 112) == right
        ]
        if not numbers:
            return None
        largest = max(numbers, key=lambda k: stats[k, 4])
        closed = cv2.morphologyEx(
            np.pad((labels == largest).astype(np.uint8), 40), cv2.MORPH_CLOSE, disc(31)
        )
        areas.append(cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc(15))[40:-40, 40:-40])
    return areas if like_lungs(areas) else None


def like_lungs(areas: list[NDArray[np.uint8]]) -> bool:
    """Whether two areas have the size, place and solidity of lungs; all numbers in pixels of 224."""
    sizes, boxes = [], []
    for area in areas:
        contours, _ = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if not contours:
            return False
        contour = max(contours, key=cv2.contourArea)
        size = cv2.contourArea(contour)
        if not 2200 < size < 11000 or size < 0.7 * cv2.contourArea(cv2.convexHull(contour)):
            return False
        sizes.append(size)
        boxes.append(cv2.boundingRect(contour))
    (x0, y0, w0, h0), (x1, y1, w1, h1) = boxes
    return (
        min(sizes) > 0.55 * max(sizes)
        and x0 > 1
        and x1 + w1 < 223
        and min(y0, y1) > 2
        and max(y0 + h0, y1 + h1) < 222
        and abs(y0 - y1) <= 22
        and abs(y0 + h0 - y1 - h1) <= 35
        and x1 - x0 - w0 > 5
        and min(h0, h1) > 79
        and min(w0, w1) > 24
        and w0 < h0
        and w1 < h1
    )


def outline_of(area: NDArray[np.uint8], right: bool) -> Outlines | None:
    """32 points: 12 from the apex to the outer corner, 8 to the inner one, 12 back to the apex."""
    contours, _ = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)
    count = len(contour)
    steps = np.minimum(np.arange(count), count - np.arange(count))
    window = np.exp(-0.5 * (steps / (0.012 * count)) ** 2)
    window /= window.sum()
    contour = np.real(
        np.fft.ifft(np.fft.fft(contour, axis=0) * np.fft.fft(window)[:, None], axis=0)
    )
    outwards = contour[:, 0] if right else -contour[:, 0]
    apex = int(np.argmin(contour[:, 1]))
    outer = int(np.argmax(0.6 * outwards + contour[:, 1]))
    inner = int(np.argmax(-outwards + 0.8 * contour[:, 1]))
    for step in (1, -1):
        to_outer, to_inner = (outer - apex) * step % count, (inner - apex) * step % count
        if not 0 < to_outer < to_inner:
            continue
        parts = []
        for start, length, points in (
            (0, to_outer, 12),
            (to_outer, to_inner - to_outer, 8),
            (to_inner, count - to_inner, 12),
        ):
            if length < 4:
                return None
            path = contour[(apex + step * np.arange(start, start + length + 1)) % count]
            way = np.r_[0, np.cumsum(np.hypot(*np.diff(path, axis=0).T))]
            at = np.linspace(0, way[-1], points, endpoint=False)
            parts.append(np.stack([np.interp(at, way, path[:, k]) for k in (0, 1)], axis=1))
        return ((np.concatenate(parts) + 0.5) / FILM).astype(np.float32)
    return None


def usual(outlines: Outlines) -> NDArray[np.bool_]:
    """Which outlines are like most others: without the 8 % furthest from the modes or along them."""
    flat = outlines.reshape(len(outlines), -1)
    kept = np.ones(len(flat), bool)
    for _ in range(3):
        centre = np.median(flat[kept], axis=0)
        _, size, axes = np.linalg.svd(flat[kept] - centre, full_matrices=False)
        along = (flat - centre) @ axes[:16].T
        off = ((flat - centre - along @ axes[:16]) ** 2).mean(axis=1)
        far = ((along / size[:16]) ** 2).sum(axis=1)
        kept = (off < np.quantile(off, 0.92)) & (far < np.quantile(far, 0.92))
    return np.asarray(kept)


def distorted(
    film: NDArray[np.uint8], outlines: Outlines, rng: np.random.Generator
) -> tuple[NDArray[np.float32], Outlines]:
    """A film under another geometry and tone, in six of ten cases with opacities over the lungs."""
    grey = film.astype(np.float32)
    if rng.random() < 0.6:
        grey = clouded(grey, lung_field.filled(outlines, grey.shape), rng)
    scale = np.exp(rng.normal(0, 0.13, 2))
    angle, shear = np.deg2rad(rng.normal(0, 5)), rng.normal(0, 0.03)
    turn = np.array(
        [
            [scale[0] * np.cos(angle), -scale[1] * np.sin(angle) + shear],
            [scale[0] * np.sin(angle), scale[1] * np.cos(angle)],
        ]
    )
    middle = np.full(2, FILM / 2)
    shift = middle + rng.normal(0, 0.05, 2) * FILM - turn @ middle
    border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
    grey = cv2.warpAffine(grey, np.c_[turn, shift], (FILM, FILM), borderMode=border)
    grey = 255 * np.clip(grey / 255, 0, 1) ** np.exp(rng.normal(0, 0.25))
    moved = ((outlines * FILM) @ turn.T + shift) / FILM
    return grey.astype(np.float32), moved.astype(np.float32)


def clouded(
    grey: NDArray[np.float32], field: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Soft bright patches centred in the lungs."""
    level = 0.8 * np.percentile(grey, rng.uniform(60, 95)) + 0.2 * grey.mean()
    at = np.argwhere(field)
    veil = np.zeros_like(grey)
    for _ in range(rng.integers(1, 4)):
        y, x = at[rng.integers(len(at))]
        radius = rng.uniform(8, 55)
        axes = (int(radius), int(radius * rng.uniform(0.6, 1.6)))
        patch = np.zeros_like(grey)
        cv2.ellipse(patch, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
        patch = cv2.GaussianBlur(patch, (0, 0), rng.uniform(3, 12)) * rng.uniform(0.4, 1)
        veil = np.maximum(veil, patch)
    if rng.random() < 0.5:
        veil = veil * cv2.GaussianBlur(field.astype(np.float32), (0, 0), 3)
    veil = 0.85 * veil
    return grey * (1 - veil) + level * veil


def learn(parts: list[tuple[NDArray[np.uint8], Outlines, int]]) -> dict[str, NDArray[np.float32]]:
    """The model from films, their outlines and how many distorted copies each of them gives."""
    rng = np.random.default_rng(0)
    standard, targets = [], []
    for pixels, outlines, copies in parts:
        for _ in range(copies):
            for film, outline in zip(pixels, outlines, strict=True):
                grey, moved = distorted(film, outline, rng)
                standard.append(lung_field.standardised(grey).astype(np.float16))
                targets.append(moved.ravel())
    flat = np.array(targets)
    mean = flat.mean(axis=0)
    basis = np.linalg.eigh((flat - mean).T @ (flat - mean))[1][:, ::-1][:, :MODES].T
    truth = (flat - mean) @ basis.T
    model = {"mean": mean, "basis": basis, "spread": truth.std(axis=0)}
    features = np.array([lung_field.whole_film(s.astype(np.float32)) for s in standard])
    model["whole"], model["whole_offset"] = ridge(features, truth)
    guess = features @ model["whole"] + model["whole_offset"]
    for stage in range(len(lung_field.STAGES)):
        # On films that it has not learned from, the stage before errs more.
        noise = 0.5 * (truth - guess).std(axis=0)
        guess = guess + rng.normal(size=guess.shape).astype(np.float32) * noise
        features = np.array(
            [
                lung_field.around(s.astype(np.float32), stage, lung_field.outlines_of(g, model))
                for s, g in zip(standard, guess, strict=True)
            ]
        )
        name = f"around_{stage}"
        model[name], model[f"{name}_offset"] = ridge(features, truth - guess)
        guess = guess + features @ model[name] + model[f"{name}_offset"]
        error = FILM * np.sqrt(((truth - guess) ** 2).sum(axis=1).mean() / flat.shape[1])
        print(f"stage {stage}: {error:.2f} of {FILM} pixels off, of {len(flat)} films", flush=True)
    typical = features.mean(axis=0)
    model["typical"] = typical / np.linalg.norm(typical)
    return model


def ridge(
    features: NDArray[np.float32], wanted: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled = (features - mean) / spread
    inner = scaled.T @ scaled + RIDGE * len(scaled) * np.eye(scaled.shape[1], dtype=np.float32)
    weights = np.linalg.solve(inner, scaled.T @ (wanted - wanted.mean(axis=0))) / spread[:, None]
    return weights, wanted.mean(axis=0) - mean @ weights


def settled(
    pixels: NDArray[np.uint8], without: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Outlines]:
    """Other films on which the model has no doubt, and its outlines of them."""
    others = np.random.default_rng(2).permutation(np.setdiff1d(np.arange(len(pixels)), without))
    chosen, drawn = [], []
    for i in others:
        field = lung_field.lung_field(pixels[i])
        sure = field.likeness >= LEAST_LIKENESS
        if field.ok and sure and lung_field.outside_film(field.outlines) <= MOST_OUTSIDE:
            chosen.append(i)
            drawn.append(field.outlines)
        if len(chosen) == OWN_FILMS:
            break
    return np.array(chosen), np.array(drawn)


def write(model: dict[str, NDArray[np.float32]], path: Path) -> None:
    with replacing(path) as stream:
        np.savez_compressed(stream, **{k: v.astype(np.float16) for k, v in model.items()})
    lung_field._learned.cache_clear()


def report(name: str, pixels: NDArray[np.uint8], outlines: Outlines) -> None:
    """Overlap with the thresholded outlines of films that were held out."""
    overlap = []
    for film, outline in zip(pixels, outlines, strict=True):
        learned = lung_field.filled(lung_field.lung_field(film).outlines, film.shape)
        wanted = lung_field.filled(outline, film.shape)
        overlap.append((learned & wanted).sum() / (learned | wanted).sum())
    print(f"learned {name}: IoU {np.mean(overlap):.3f}, worst {min(overlap):.3f}", flush=True)


def disc(side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


if __name__ == "__main__":
    main()
