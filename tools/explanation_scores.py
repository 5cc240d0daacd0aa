"""How good the scores of a bundle's heatmaps are, on validation films of a data folder.

    python tools/explanation_scores.py --data PNEUMOSCOPE_DATA --plot scores.svg > scores.json

Does what a training does when it finishes: the JSON is what ``bundle.json`` then holds under
``explanation``. The films are split as the bundle's training split them, so none of them was trained
on. The processor time that each mode adds is measured on the same films, side by side with the network's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

import pneumoscope
from pneumoscope import data
from pneumoscope.bundle import open_bundle
from pneumoscope.decision import explain
from pneumoscope.decision.explain import CHECKED, FAST
from pneumoscope.images import resample
from pneumoscope.runtime import Classifier
from pneumoscope.train.data.films import SPLIT_SEED
from pneumoscope.train.validation import explanations

TIMED = 100  # films


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--cache", type=Path, help="decoded films; the user's cache by default")
    parser.add_argument("--plot", type=Path, help="picture of the distributions to write")
    options = parser.parse_args()
    classifier = pneumoscope.load(open_bundle(options.bundle))
    meta = classifier.bundle.meta
    films = data.load(
        options.data, meta.source_size, task=meta.task, split=meta.data["split"],
        share=meta.recipe["validation"], seed=meta.data["split_seed"] or SPLIT_SEED, cache=options.cache,
    )  # fmt: skip
    if films.manifest_sha256 != meta.data["manifest_sha256"]:
        sys.exit("error: not the films that the bundle was trained on: some may not be held out")
    scores = explanations.scores(
        looker(classifier), meta, films, progress, lungs=lungs_of(classifier)
    )
    if scores is None:
        sys.exit("error: no validation films of both kinds")
    record = explanations.record_of(scores)
    print(json.dumps(record, indent=2))
    rows = films.rows("validation")[:TIMED]
    times(classifier, np.stack([resample(films.pixels[row], meta.size) for row in rows]))
    if options.plot:
        plot(scores, record, options.plot)


def looker(classifier: Classifier) -> explain.Run:
    def look(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = classifier.run(inputs)
        return outputs.probabilities, outputs.heatmaps

    return look


def lungs_of(classifier: Classifier) -> explanations.Lungs | None:
    """The lung fields of the bundle's network; None if it does not look for lungs."""
    size = classifier.bundle.meta.size
    if classifier.run(np.zeros((1, size, size, 1), np.uint8)).lungs is None:
        return None
    return lambda inputs: classifier.run(inputs).lungs


def progress(done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total:
        print(f"\r{done} of {total} films", end="\n" if done == total else "", file=sys.stderr)


def times(classifier: Classifier, films: np.ndarray) -> None:
    """Prints medians over films: the network alone, and what each mode adds to it."""
    look, fields = looker(classifier), lungs_of(classifier)
    meta = classifier.bundle.meta
    spent: dict[str, list[float]] = {"network": [], FAST: [], CHECKED: []}
    for film in films:
        began = time.thread_time()
        p, maps = look(film[None, ..., None])
        spent["network"].append(time.thread_time() - began)
        subject = explain.subject_of(
            film,
            maps[0],
            p[0],
            meta.labels[int(p[0].argmax())],
            meta.rules.labels,
            None if fields is None else fields(film[None, ..., None])[0],
        )
        for mode in (FAST, CHECKED):
            began = time.thread_time()
            explain.explain(subject, mode, None, p[0], look)
            spent[mode].append(time.thread_time() - began)
    medians = (f"{name} {1000 * np.median(values):.3f} ms" for name, values in spent.items())
    print("processor time per film, median: " + ", ".join(medians), file=sys.stderr)


def plot(scores: explanations.Scores, record: dict, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, layout="constrained")
    edges = np.linspace(0, 1, 41)
    scores = scores.of(negative=False)
    titles = {FAST: "fast: inside, focus", CHECKED: "checked: also steady, depends"}
    for axis, (mode, title) in zip(axes, titles.items(), strict=True):
        for values, name, colour in (
            (scores.whole[mode], "validation films", "#1f77b4"),
            (scores.composed[mode], "two halves, map as it is", "#2ca02c"),
            (scores.mirrored[mode], "two halves, map mirrored", "#d62728"),
        ):
            axis.hist(values, edges, histtype="stepfilled", alpha=0.3, color=colour)
            axis.hist(values, edges, histtype="step", color=colour, label=name)
        if mode in record["limits"]:
            limit = record["limits"][mode]
            axis.axvline(limit, color="black", linestyle="--", label=f"limit {limit:.3f}")
        axis.set(title=title, xlabel="score of the heatmap", ylabel="films", xlim=(0, 1))
        axis.legend(frameon=False, fontsize=8, loc="upper left")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
