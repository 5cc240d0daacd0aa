"""Whether the evaluated films can have been training films of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.evaluated_films import Films, TrainingOverlap

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.context import Predicted


def overlap_of(predicted: Predicted, films: Films) -> TrainingOverlap:
    """Compares the films with the training films of a bundle, if the data contain these.

    Args:
        predicted: The bundle.
        films: The evaluated films.
    """
    training = predicted.training
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
    hashes = {training.films[int(i)].sha256 for i in rows}
    keys = {training.films[int(i)].patient for i in rows}
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
