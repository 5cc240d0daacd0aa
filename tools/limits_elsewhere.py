"""What limits would cost that also hold in hospitals left out.

    python tools/limits_elsewhere.py runs/hospitals both

The first argument is the folder of ``pneumoscope train adults --leave-out ... --out runs/hospitals``, the
second the manifest that the recipe ``adults`` was trained on. Prints the table of
docs/explanation/flagship-experiments.md: from which probability on a film gets the positive verdict of the
bundle, with the limits of its validation films and with those of each hospital left out as well, and the
shares of the validation films that get it, with patient-clustered 95 % intervals.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.decision.ranges import ranges_of
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.train.data.films import split_films
from pneumoscope.train.export.exported import ExportedNetwork
from pneumoscope.train.gate.fitting import FeatureExtractor
from pneumoscope.train.left_out_films import read
from pneumoscope.train.recipe.reading import from_json
from pneumoscope.train.validation.calibrate import conformal_scores
from pneumoscope.train.validation.predictions import PLAIN, Validation
from populations import figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("trainings", type=Path)
    parser.add_argument("films", type=Path)
    parser.add_argument("--bundle", default="adults")
    parser.add_argument("--error", type=float, default=DEFAULT_ERROR)
    args = parser.parse_args()
    bundle = open_bundle(args.bundle)
    elsewhere = {each.source: each.p for each in read(args.trainings, bundle.meta.recipe)}
    films = validation_of(bundle, args.films)
    limits = [("none", {}), *((name, {name: p}) for name, p in elsewhere.items())]
    groups = list(groups_of(films))
    print(f"| left out | {bundle.meta.positive} from | {' | '.join(name for name, _ in groups)} |")
    print(f"|{'---|' * (2 + len(groups))}")
    for name, left_out in limits:
        start = positive_from(bundle, films, left_out, args.error)
        shares = (share(films, rows, start) for _, rows in groups)
        print(f"| {name} | {start:.3f} | {' | '.join(shares)} |", flush=True)


def validation_of(bundle: Bundle, root: Path) -> Validation:
    """The bundle's probabilities of its plain validation films."""
    films = split_films(from_json(bundle.meta.recipe), root)
    network = ExportedNetwork(bundle.path / "model.onnx")
    rows = films.rows("validation")
    predict = FeatureExtractor(network.probabilities, bundle.meta.size, 0)
    return Validation(
        truth=films.labels[rows],
        patients=tuple(films.films[row].patient or str(films.files[row]) for row in rows),
        probabilities={PLAIN: predict(films.pixels[rows]).astype(np.float64)},
        sources=tuple(films.films[row].source for row in rows),
    )


def groups_of(films: Validation) -> Iterator[tuple[str, np.ndarray]]:
    """Name and rows of the healthy and the ill films of each source."""
    sources = np.array(films.sources)
    for source in np.unique(sources):
        for name, of_class in (("healthy", ~films.ill), ("ill", films.ill)):
            rows = np.flatnonzero((sources == source) & of_class)
            if len(rows):
                yield f"{source}, {name} ({len(rows)})", rows


def positive_from(
    bundle: Bundle, films: Validation, left_out: Mapping[str, np.ndarray], error: float
) -> float:
    """The probability from which a film gets the positive verdict; infinite if none does."""
    meta = bundle.meta
    scores = conformal_scores(films, meta.labels, meta.positive, left_out)
    limits = None if scores is None else scores.at(error).questions[meta.positive]
    start = ranges_of(meta.operating_point().threshold, limits).positive_from
    return np.inf if start is None else start


def share(films: Validation, rows: np.ndarray, start: float) -> str:
    called = films.p_positive()[rows] >= start
    return figure(lambda w: w @ called / w.sum(axis=1), [films.patients[row] for row in rows])


if __name__ == "__main__":
    main()
