"""Whether the evaluated films can have been training films of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.evaluated_films import Films, TrainingOverlap

if TYPE_CHECKING:
    from collections.abc import Collection

    from pneumoscope.evidence.evaluation.context import Predicted


def overlap_of(predicted: Predicted, films: Films) -> TrainingOverlap:
    """Compares the films with the training films of a bundle, if the data contain these.

    Args:
        predicted: The bundle.
        films: The evaluated films.
    """
    training, run = predicted.training, predicted.run
    if training is None and run is not None:
        # Keys of other data may be the same by chance: "1", "2".
        same_data = any(film.pixels_sha256 in run.hashes for film in films.films)
        return _compared(films, run.trained, run.patients if same_data else ())
    if training is None:
        if films.source == predicted.classifier.bundle.meta.data.get("source"):
            words = (
                "the films come from the set that the bundle was trained on, but its split cannot be "
                "reproduced from them: some may have been training films"
            )
        else:
            words = (
                "these data do not reproduce the bundle's training split, so whether any film was a "
                "training film, or is of a training patient, is not known: if so, figures are too good"
            )
        return TrainingOverlap(known=False, films=None, patients=None, words=words)
    rows = training.rows("train")
    return _compared(
        films,
        {training.films[int(i)].sha256 for i in rows},
        {training.films[int(i)].patient for i in rows},
    )


def _compared(films: Films, hashes: Collection[str], keys: Collection[str]) -> TrainingOverlap:
    """Counts the films with the pixels, or of the patients, of training films."""
    twins = sum(film.pixels_sha256 in hashes for film in films.films)
    patients = sum(film.keyed and film.patient in keys for film in films.films)
    if twins or patients:
        words = (
            f"{twins:,} of {len(films.films):,} films have the pixels of a training film, {patients:,} "
            "are of a training patient: figures are too good"
        )
    else:
        words = "no film has the pixels of a training film, and none is of a training patient"
    return TrainingOverlap(known=True, films=twins, patients=patients, words=words)
