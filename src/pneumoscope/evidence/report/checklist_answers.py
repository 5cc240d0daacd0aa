"""What the records answer of the questions that reporting checklists ask.

Each answer repeats a record or says what the software does. What a record cannot know - funding,
ethics, who labelled - is no answer here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pneumoscope.evidence.evaluation import results as ev
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    counted,
    known_patients,
    sentence,
    share,
)

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation, TargetResult

    Ask = Callable[["_Facts"], "Answer | None"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and whether it is a whole one."""

    text: str
    status: Literal["answered", "in part", "not applicable"] = "answered"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What answers are made of: the evaluation and its first bundle."""

    evaluation: Evaluation
    bundle: BundleResult

    @property
    def target(self) -> TargetResult:
        return self.bundle.targets[0]

    def recipe(self, *keys: str) -> str:
        """``key value`` of what the recipe records of these keys."""
        own = self.bundle.meta.recipe
        return ", ".join(f"{key.replace('_', ' ')} {own[key]}" for key in keys if key in own)

    def counts(self, side: str) -> str:
        """``normal 1142, ...`` of the training record, or nothing."""
        films = self.bundle.meta.data.get("films", {}).get(side, {})
        return ", ".join(f"{name} {number:,}" for name, number in films.items())


def answers_of(evaluation: Evaluation) -> dict[str, Answer | None]:
    """Key to answer; None where the records hold nothing."""
    facts = _Facts(evaluation, evaluation.bundles[0])
    return {key: ask(facts) for key, ask in ANSWERS.items()}


def _part(text: str, missing: str) -> Answer:
    return Answer(f"{sentence(text)} Not recorded: {missing}.", "in part")


def _method(f: _Facts) -> Answer | None:
    network = f.bundle.meta.recipe.get("network")
    if not network:
        return None
    return _part(f"evaluation of a deep network, {network}, for {f.target.name}", "a paper's title")


def _summary(_: _Facts) -> Answer | None:
    return _part("first page of this report", "conclusions of its authors")


def _background(f: _Facts) -> Answer | None:
    meta = f.bundle.meta
    text = f"{sentence(meta.intended_use)} Trained on: {meta.population.text}"
    return _part(text, "scientific background, place in the workflow")


def _design(_: _Facts) -> Answer | None:
    return _part(
        "films that were already stored were read", "whether they were gathered for this study"
    )


def _goal(_: _Facts) -> Answer | None:
    return Answer("Evaluation of finished bundles; nothing was trained or tuned.")


def _data_source(f: _Facts) -> Answer | None:
    trained = f.bundle.meta.data.get("source") or "not recorded"
    text = f"evaluated films: {f.evaluation.films.source}. Training films: {trained}"
    return _part(text, "how they were collected, whom they represent")


def _setting(f: _Facts) -> Answer | None:
    return _part(
        f"training films: {f.bundle.meta.population.text}", "setting and dates of these films"
    )


def _eligibility(f: _Facts) -> Answer | None:
    return _part(
        f"every film taken that could be read. {f.evaluation.films.chosen}", "clinical criteria"
    )


def _preprocessing(f: _Facts) -> Answer | None:
    meta = f.bundle.meta
    steps = f"antialiased bilinear resampling to {meta.source_size} x {meta.source_size} pixels without "
    steps += f"keeping the aspect ratio, then to {meta.size} x {meta.size}"
    scaling = f.recipe("scaling")
    return _part(f"{steps}{'; ' + scaling if scaling else ''}", "what was done to the films before")


def _scaling(f: _Facts) -> Answer | None:
    text = f.recipe("scaling", "clip")
    return Answer(f"Inside the network: {text}.") if text else None


def _subsets(f: _Facts) -> Answer | None:
    return Answer(f"{sentence(f.evaluation.films.chosen)} Split taken: {f.evaluation.films.split}.")


def _missing(f: _Facts) -> Answer | None:
    films = f.evaluation.films
    unlabelled = len(films.films) - f.target.films
    return Answer(
        f"Left out: {counted(len(films.broken), 'film')} that could not be read; {unlabelled:,} without a "
        f"known label for {f.target.name}. Nothing was imputed."
    )


def _acquisition(f: _Facts) -> Answer | None:
    views = ", ".join(f.bundle.meta.population.views)
    return _part(f"views of the training films: {views}", "devices and protocol") if views else None


def _devices(f: _Facts) -> Answer | None:
    return _part(_versions(f), "X-ray devices")


def _reference(f: _Facts) -> Answer | None:
    films = f.evaluation.films
    return _part(f"the labels of the data ({films.layout})", "how, when and by whom they were made")


def _partitions(f: _Facts) -> Answer | None:
    data = f.bundle.meta.data
    if not data.get("split"):
        return None
    parts = [f"{side}: {text}" for side in ("train", "validation") if (text := f.counts(side))]
    seed = f", seed {data['split_seed']}" if "split_seed" in data else ""
    return Answer(sentence(f"split: {data['split']}{seed}. {'; '.join(parts)}"))


def _disjoint(f: _Facts) -> Answer | None:
    split = f.bundle.meta.data.get("split")
    words = sentence(f.bundle.overlap.words)
    if not split:
        return Answer(words, "in part")
    # How training and evaluated films are kept apart is half of the question.
    text = f"Training split by: {split}. {words}"
    return Answer(text) if f.bundle.overlap.known else Answer(text, "in part")


def _model(f: _Facts) -> Answer | None:
    meta = f.bundle.meta
    network = f.recipe("network", "head", "tail", "dense")
    if not network:
        return None
    parameters = meta.validation.get("parameters")
    size = f", {parameters:,} parameters" if parameters else ""
    return Answer(
        f"{sentence(network + size)} Input {meta.size} x {meta.size} pixels, output {meta.task} over "
        f"{', '.join(meta.labels)}. The recipe in bundle.json has the rest."
    )


def _versions(f: _Facts) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in f.evaluation.packages.items())
    return f"pneumoscope {f.evaluation.version}" + (f", {packages}" if packages else "")


def _software(f: _Facts) -> Answer | None:
    return _part(f"evaluation: {_versions(f)}", "versions used in training")


def _start(f: _Facts) -> Answer | None:
    weights = f.bundle.meta.validation.get("start_weights", {}).get("name")
    return Answer(f"Start weights: {weights}.") if weights else None


def _training(f: _Facts) -> Answer | None:
    text = f.recipe(
        "network", "optimiser", "learning_rate", "batch_size", "epochs", "loss", "label_smoothing",
        "dropout", "weight_decay", "ema", "seed",
    )  # fmt: skip
    if not text:
        return None
    counts = f.counts("train")
    films = f" Training films: {counts}." if counts else ""
    return Answer(f"{sentence(text)}{films} Augmentation and the rest: recipe in bundle.json.")


def _selection(f: _Facts) -> Answer | None:
    text = f.recipe("monitor", "patience", "ema")
    return _part(f"recipe: {text}", "other models that were tried") if text else None


def _ensemble(f: _Facts) -> Answer | None:
    if "network" not in f.bundle.meta.recipe:
        return None
    return Answer("One network, no ensemble.")


def _metrics(f: _Facts) -> Answer | None:
    asked = f.evaluation.settings.sections
    extra = [name for name in (ev.CALIBRATION, ev.DECISION, ev.CONFORMAL) if name in asked]
    also = f"; sections on {', '.join(extra)}" if extra else ""
    return Answer(
        "AUC, average precision; sensitivity, specificity, PPV, NPV, accuracy, F1, kappa and others at each "
        f"operating point{also}."
    )


def _uncertainty(f: _Facts) -> Answer | None:
    settings = f.evaluation.settings
    text = f"95 % intervals from {settings.draws:,} draws of patients, seed {settings.seed}"
    pairs = "; pairs of bundles by paired draws, DeLong and McNemar" if f.evaluation.pairs else ""
    return Answer(sentence(text + pairs))


def _robustness(f: _Facts) -> Answer | None:
    rob = f.bundle.robustness
    if rob is None:
        return None
    return Answer(f"{len(rob.conditions)} perturbations at the fixed operating point {rob.point}.")


def _explained(f: _Facts) -> Answer | None:
    done = []
    if f.bundle.sanity is not None and f.bundle.sanity.randomisation is not None:
        done.append("weights randomised layer by layer")
    if f.bundle.sanity is not None and f.bundle.sanity.perturbation is not None:
        done.append("deletion and insertion")
    if f.bundle.anatomy is not None:
        done.append("share of the heat inside the lung field")
    text = "Grad-CAM in closed form, inside the network"
    return (
        Answer(f"{text}. Checked by: {', '.join(done)}.")
        if done
        else _part(text, "any check of it")
    )


def _internal(f: _Facts) -> Answer | None:
    record = f.bundle.meta.validation
    if "films" not in record or "patients" not in record:
        return None
    return Answer(
        f"The bundle records figures on {record['films']:,} held-out films of {record['patients']:,} "
        f"patients. Films evaluated here: {f.evaluation.films.chosen}"
    )


def _external(_: _Facts) -> Answer | None:
    return None  # no record says that films are from elsewhere


def _no_trial(_: _Facts) -> Answer | None:
    return Answer("Stored films were read; nobody was enrolled or treated.", "not applicable")


def _no_assessor(_: _Facts) -> Answer | None:
    return Answer("The only predictor is the film, read by software.", "not applicable")


def _no_patients(_: _Facts) -> Answer | None:
    return Answer("Stored films were read; nobody was examined for it.", "not applicable")


def _flow(f: _Facts) -> Answer | None:
    films, target = f.evaluation.films, f.target
    return _part(
        f"{counted(len(films.films) + len(films.broken), 'film')} taken, {len(films.broken):,} not readable, "
        f"{target.films:,} with a known label, of {known_patients(target.patients, films)}, {target.positives:,} "
        "positive",
        "who was not in the data, and why",
    )


def _characteristics(f: _Facts) -> Answer | None:
    columns = list(dict.fromkeys(group.column for group in f.target.subgroups))
    told = f"subgroups by {', '.join(columns)}" if columns else ""
    trained = "; ".join(text for side in ("train", "validation") if (text := f.counts(side)))
    parts = [
        text
        for text in (told, f"labels in training and validation: {trained}" if trained else "")
        if text
    ]
    return _part(". ".join(parts), "age, sex and clinical facts beyond these") if parts else None


def _counts(f: _Facts) -> Answer | None:
    if not f.counts("train"):
        return None
    return Answer(
        f"Training: {f.counts('train')}. Validation: {f.counts('validation')}. Here: {f.target.films:,} films, "
        f"{f.target.positives:,} positive."
    )


def _performance(f: _Facts) -> Answer | None:
    notes, target = Footnotes(), f.target
    auc = target.ranking.roc_auc
    if auc.value is None:
        return None
    return Answer(
        f"AUC of {target.name} {notes.cell(auc)}; sections on discrimination and subgroups."
    )


def _diagnostic(f: _Facts) -> Answer | None:
    notes, own = Footnotes(), f.target.default
    told = [
        f"{NAMES[key]} {notes.cell(figure)}"
        for key in ("sensitivity", "specificity", "ppv", "npv")
        if (figure := getattr(own.figures, key)).value is not None
    ]
    return Answer(f"At {own.name}: {', '.join(told)}.") if told else None


def _failures(f: _Facts) -> Answer | None:
    found = f.bundle.gallery
    if found is None:
        return None
    tally = ", ".join(counted(n, kind) for kind, n in found.mistakes.items())
    return _part(f"section on films to look at: {tally or 'no mistakes'}", "why the model erred")


def _errors(f: _Facts) -> Answer | None:
    return _failures(f) or _fairness(f)


def _limitations(_: _Facts) -> Answer | None:
    return Answer("First page, what can't be said.")


def _implications(f: _Facts) -> Answer | None:
    return _part(f.bundle.meta.intended_use, "implications for practice")


def _interpretation(_: _Facts) -> Answer | None:
    return _part(
        "first page, worst case and shortcuts in words", "comparison with other studies, fairness"
    )


def _availability(f: _Facts) -> Answer | None:
    own = f.evaluation
    return _part(
        f"software: pneumoscope {own.version} (Apache-2.0). Model: bundle {f.bundle.title}, SHA-256 "
        f"{f.bundle.sha256}. Films: {own.films.source}",
        "where others get bundle and films",
    )


def _data_availability(f: _Facts) -> Answer | None:
    return _part(f"films: {f.evaluation.films.source}", "how others get them")


def _code_availability(f: _Facts) -> Answer | None:
    return Answer(f"pneumoscope {f.evaluation.version}, open source (Apache-2.0).")


def _predictors(_: _Facts) -> Answer | None:
    return Answer("The film alone; no age, sex or clinical fact reaches the network.")


def _heterogeneity(f: _Facts) -> Answer | None:
    columns = list(dict.fromkeys(g.column for g in f.target.subgroups if g.column != "class"))
    return Answer(f"Figures by {', '.join(columns)}, section on subgroups.") if columns else None


def _fairness(f: _Facts) -> Answer | None:
    found = _heterogeneity(f)
    return _part(found.text, "which of these columns are about fairness") if found else None


def _variability(f: _Facts) -> Answer | None:
    done = [a.text for a in (_heterogeneity(f), _robustness(f)) if a is not None]
    return _part(" ".join(done), "which analyses were planned before") if done else None


def _updating(_: _Facts) -> Answer | None:
    return Answer("Nothing was updated: the bundle was evaluated as it is.")


def _predictions(f: _Facts) -> Answer | None:
    return Answer(
        f"By ONNX Runtime from model.onnx of the bundle {f.bundle.title}, SHA-256 {f.bundle.sha256[:12]}."
    )


def _specification(f: _Facts) -> Answer | None:
    return Answer(
        f"Bundle {f.bundle.title}, SHA-256 {f.bundle.sha256}: model.onnx, thresholds and the resolved recipe. "
        f"{_versions(f)}."
    )


def _imbalance(f: _Facts) -> Answer | None:
    text = f.recipe("class_weight_power", "sampling", "loss")
    after = f" Calibrated afterwards: {f.bundle.meta.calibration.text}."
    return Answer(sentence(text) + after) if text else None


def _points(f: _Facts) -> Answer | None:
    told = "; ".join(
        f"{point.name} from {point.figures.threshold:.3f} ({point.rule})"
        for point in f.target.points
    )
    return Answer(f"Probabilities, and verdicts at thresholds fixed in the bundle: {told}.")


def _differences(f: _Facts) -> Answer | None:
    trained = f.counts("train")
    if not trained:
        return None
    text = f"labels of the training films: {trained}. Here {share(f.target.positives / f.target.films)} are "
    return _part(f"{text}{f.target.name}. {f.bundle.overlap.words}", "other differences")


def _representative(f: _Facts) -> Answer | None:
    text = f"{share(f.target.positives / f.target.films)} of the films are {f.target.name}"
    return _part(text, "how common it is where the model is meant to be used")


def _blind(_: _Facts) -> Answer | None:
    return Answer("The network gets pixels only, neither labels nor clinical facts.")


def _indeterminate(f: _Facts) -> Answer | None:
    found = f.bundle.classes.conformal if f.bundle.classes is not None else None
    text = "Every film that can be read gets a verdict."
    if found is not None and found.undetermined.mean is not None:
        text += f" Conformal sets leave {share(found.undetermined.mean)} of the films undetermined."
    return Answer(text)


def _crosstab(f: _Facts) -> Answer | None:
    names = ", ".join(point.name for point in f.target.points)
    return Answer(f"Section on operating points: {names}.")


def _poor_input(f: _Facts) -> Answer | None:
    text = "films that cannot be read are refused with an error"
    if f.bundle.robustness is not None:
        text += "; the section on robustness tells what poor films do"
    return _part(text, "a check of quality before the verdict")


def _outputs(_: _Facts) -> Answer | None:
    return Answer(
        "predictions.parquet: every film's probabilities with the hashes of film and bundle; metrics.json: "
        "every figure."
    )


ANSWERS: dict[str, Ask] = {
    "method": _method,
    "summary": _summary,
    "background": _background,
    "design": _design,
    "goal": _goal,
    "data_source": _data_source,
    "setting": _setting,
    "eligibility": _eligibility,
    "preprocessing": _preprocessing,
    "scaling": _scaling,
    "subsets": _subsets,
    "missing": _missing,
    "acquisition": _acquisition,
    "devices": _devices,
    "reference": _reference,
    "partitions": _partitions,
    "disjoint": _disjoint,
    "model": _model,
    "software": _software,
    "start": _start,
    "training": _training,
    "selection": _selection,
    "ensemble": _ensemble,
    "metrics": _metrics,
    "uncertainty": _uncertainty,
    "robustness": _robustness,
    "explained": _explained,
    "internal": _internal,
    "external": _external,
    "no_trial": _no_trial,
    "no_assessor": _no_assessor,
    "no_patients": _no_patients,
    "flow": _flow,
    "characteristics": _characteristics,
    "counts": _counts,
    "performance": _performance,
    "diagnostic": _diagnostic,
    "failures": _failures,
    "errors": _errors,
    "limitations": _limitations,
    "implications": _implications,
    "interpretation": _interpretation,
    "availability": _availability,
    "data_availability": _data_availability,
    "code_availability": _code_availability,
    "predictors": _predictors,
    "heterogeneity": _heterogeneity,
    "fairness": _fairness,
    "variability": _variability,
    "updating": _updating,
    "predictions": _predictions,
    "specification": _specification,
    "imbalance": _imbalance,
    "points": _points,
    "differences": _differences,
    "representative": _representative,
    "blind": _blind,
    "indeterminate": _indeterminate,
    "crosstab": _crosstab,
    "poor_input": _poor_input,
    "outputs": _outputs,
}
