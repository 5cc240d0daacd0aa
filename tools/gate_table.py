"""What the gate refuses: chest films, changed ones, and pictures that are not chest films.

Prints the Markdown table of docs/explanation/safe-verdicts.md. Chest films are those of the
validation patients of a run folder; pictures come from ``tools/gate_material.py``.

    python tools/gate_table.py runs/children --data chest_xray --pictures gate-pictures
    python tools/gate_table.py runs/children --data chest_xray --pictures gate-pictures \
        --without drr-lateral drr-abdomen drr-skull

The second fits another gate, which has not seen these kinds, and says what it makes of them. With
``--no-lungs`` the gate does not look at the network's lung field.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime

from pneumoscope.bundle import open_bundle
from pneumoscope.decision import gate
from pneumoscope.decision.lung_scores import LUNG_SCORES, lung_scores
from pneumoscope.metrics import patient_bootstrap, roc_auc
from pneumoscope.records import FilmFacts
from pneumoscope.train.data.films import split_films
from pneumoscope.train.gate import fitting, unsuitable
from pneumoscope.train.gate.features import CELLS, OUTPUT, with_cells
from pneumoscope.train.gate.pictures import Pictures, read_pictures
from pneumoscope.train.recipe.reading import from_json

REFUSING = ("unsuitable", "distance", "flatness", "saturation", "blur", *LUNG_SCORES)


class Judge:
    """A gate with its network."""

    def __init__(self, bundle, heads, limits, axes=None, *, looks_for_lungs):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(with_cells(bundle.model), options)
        self.meta, self.heads, self.limits, self.axes = bundle.meta, heads, limits, axes
        outputs = {output.name for output in self.session.get_outputs()}
        self.lungs = self._lungs if looks_for_lungs and "lungs" in outputs else None

    def cells(self, x):
        return self.session.run([CELLS], {"films": x})[0]

    def features(self, x):
        if self.axes is not None:
            return self.axes.coordinates(self.cells(x))
        return self.session.run([OUTPUT], {"films": x})[0]

    def probabilities(self, x):
        return self.session.run(["probabilities"], {"films": x})[0]

    def _lungs(self, x):
        return self.session.run(["lungs"], {"films": x})[0]

    def scores(self, films):
        look = fitting.FeatureExtractor(self.features, self.meta.size, len(films))
        scores = self.heads.scores(look(films)) | fitting.grey(films, self.meta.size)
        if self.lungs:
            fields = fitting.FeatureExtractor(self.lungs, self.meta.size, len(films))(films)
            scores |= lung_scores(fields)
        return scores

    def reasons(self, scores):
        """The code that refuses each film, or None."""
        facts = FilmFacts(format="PNG", rows=224, columns=224)
        codes = []
        for i in range(len(scores["distance"])):
            film_scores = {name: float(values[i]) for name, values in scores.items()}
            report = gate.report(film_scores, self.limits, facts, self.meta.population)
            codes.append(report.reasons[0].code if report.level == gate.REFUSE else None)
        return codes

    def excess(self, scores):
        """How far the worst score lies beyond its limit, for the area under the ROC curve."""
        known = [name for name in REFUSING if name in self.limits]
        return np.max([scores[name] / self.limits[name] for name in known], axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path, help="run folder, with its bundle")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--without", nargs="*", default=[], metavar="KIND")
    parser.add_argument("--no-lungs", action="store_true", help="leave out the lung field's scores")
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    bundle = open_bundle(args.run / "bundle")
    recipe = from_json(bundle.meta.recipe)
    films = split_films(recipe, args.data, args.cache)
    pictures = read_pictures(args.pictures, recipe.source_size)
    lungs = {"looks_for_lungs": not args.no_lungs}
    limits = (bundle.meta.gate or {}).get("limits")
    judge = Judge(bundle, gate.read_heads(bundle.gate), limits, **lungs)
    unseen = pictures.held_out | np.isin(pictures.kinds, args.without)
    if args.without:
        learn = Pictures(pictures.films, pictures.kinds, unseen)
        fitted = fitting.fit(
            judge.cells,
            films,
            recipe.size,
            fitting.Outsiders(learn, films.pixels[:0]),
            lungs=judge.lungs,
        )
        judge = Judge(bundle, fitted.heads, fitted.record["limits"], fitted.axes, **lungs)
    held = films.rows("validation")
    clean = np.stack([films.pixels[i] for i in held])
    plain = judge.scores(clean)
    patients = [films.films[i].patient for i in held]
    refused = np.array([code is not None for code in judge.reasons(plain)])
    rate = patient_bootstrap(lambda w: w @ refused / w.sum(axis=1), patients, 2000)
    print(
        f"Chest films refused: {refused.sum()} of {len(refused)}, "
        f"{rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}]\n"
    )
    print("| kind | learned from | pictures | refused | AUC | reasons given |")
    print("|---|---|---|---|---|---|")
    beside = judge.excess(plain)
    for name, learned, part in rows_of(clean, pictures, unseen, args.without):
        scores = judge.scores(part)
        codes = judge.reasons(scores)
        excess = judge.excess(scores)
        truth = np.r_[np.ones(len(part), bool), np.zeros(len(beside), bool)]
        auc = roc_auc(truth, np.r_[excess, beside], np.ones((1, len(truth))))[0]
        named = Counter(code for code in codes if code)
        reasons = ", ".join(f"{code} {count}" for code, count in named.most_common(4))
        share = np.mean([code is not None for code in codes])
        print(f"| {name} | {learned} | {len(part)} | {share:.3f} | {auc:.4f} | {reasons} |")
    sys.stdout.flush()


def rows_of(clean, pictures, unseen, without):
    """Name, whether the gate learned from them, and films, of each row of the table."""
    rng = np.random.default_rng(0)
    for kind, change in unsuitable.CHANGES.items():
        if kind != "mirrored":
            changed = np.stack([change(film, rng) for film in clean[::3]])
            yield f"chest film, {kind}", "yes", changed
    kinds = np.array(pictures.kinds)
    for kind in sorted(set(pictures.kinds)):
        if without and kind not in without:
            continue
        for held_out in (False, True):
            some = (kinds == kind) & (unseen == held_out)
            if some.any():
                yield kind, "no" if held_out else "yes", pictures.films[some]


if __name__ == "__main__":
    main()
