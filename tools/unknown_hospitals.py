"""Adults of hospitals that the children's gate has not seen: are they read as children?

    python tools/unknown_hospitals.py src/pneumoscope/bundles/children both --children chest_xray \
        --pictures material --without nih+rsna pakistan covid

The first argument is the children's bundle, the second the manifest that the recipe ``adults`` was trained
on. Fits the gate once for each ``--without``, from the films of the other sources, and prints the table of
docs/explanation/safe-verdicts.md: shares of the films left out, with patient-clustered 95 % intervals. A
film without a patient counts as one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from gate_table import Judge
from pneumoscope.bundle import open_bundle
from pneumoscope.decision import gate
from pneumoscope.decision.probability import p_positive
from pneumoscope.train.data.films import split_films
from pneumoscope.train.gate import fitting
from pneumoscope.train.gate.pictures import read_pictures
from pneumoscope.train.recipe.reading import from_json
from pneumoscope.train.recipe.reading import load as load_recipe
from populations import figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("adults", type=Path)
    parser.add_argument("--children", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--without", nargs="+", required=True, metavar="SOURCE[+SOURCE]")
    args = parser.parse_args()
    bundle = open_bundle(args.bundle)
    recipe = from_json(bundle.meta.recipe)
    children = split_films(recipe, args.children)
    pictures = read_pictures(args.pictures, recipe.source_size)
    limits = (bundle.meta.gate or {})["limits"]
    judge = Judge(bundle, gate.read_heads(bundle.gate), limits, looks_for_lungs=True)
    adults = split_films(load_recipe("adults"), args.adults)
    rows = np.flatnonzero([film.source != "chest_xray" for film in adults.films])
    sources = np.array([adults.films[i].source for i in rows])
    patients = np.array([adults.films[i].patient or str(adults.files[i]) for i in rows])
    ill = adults.labels[rows] > 0
    pixels = np.stack([adults.pixels[i] for i in rows])
    cells = fitting.FeatureExtractor(judge.cells, recipe.size, 0)(pixels)
    p = fitting.FeatureExtractor(judge.probabilities, recipe.size, 0)(pixels)
    negative = bundle.meta.labels.index(bundle.meta.negative)
    called_ill = p_positive(p, negative) >= bundle.meta.operating_point().threshold
    print("| left out | films | read as a child | and not outside | and called PNEUMONIA |")
    print("|---|---|---|---|---|")
    for left_out in args.without:
        out = np.isin(sources, left_out.split("+"))
        outsiders = fitting.Outsiders(pictures, pixels[~out])
        fitted = fitting.fit(judge.cells, children, recipe.size, outsiders, lungs=judge.lungs)
        scores = fitted.heads.scores(fitted.axes.coordinates(cells))
        limits = fitted.record["limits"]
        child = scores[gate.OTHER_PATIENTS] <= limits[gate.OTHER_PATIENTS]
        inside = child & (scores["distance"] <= limits["distance-note"])
        for source in left_out.split("+"):
            for name, of_class in (("healthy", ~ill), ("ill", ill)):
                some = (sources == source) & of_class
                if some.any():
                    shares = [
                        share(holds[some], patients[some])
                        for holds in (child, inside, inside & called_ill)
                    ]
                    films = f"{source}, {name} ({some.sum()})"
                    print(f"| {left_out} | {films} | {' | '.join(shares)} |", flush=True)


def share(holds: np.ndarray, patients: np.ndarray) -> str:
    """A share with its interval."""
    return figure(lambda w: w @ holds / w.sum(axis=1), list(patients))


if __name__ == "__main__":
    main()
