"""A training, a conversion or a benchmark fails."""

from __future__ import annotations

from pneumoscope.errors.root import PneumoscopeError


class ConversionError(PneumoscopeError, ValueError):
    """A model cannot be converted to another format, or the result computes something else."""


class BenchError(PneumoscopeError, RuntimeError):
    """A benchmark cannot be run, or its ratios are worse than recorded."""


class TrainingError(PneumoscopeError):
    """A bundle cannot be trained."""


class RecipeError(TrainingError, ValueError):
    """The recipe has an unknown key, a wrong type or a value out of range."""


class TrackingError(TrainingError):
    """What a training tells TensorBoard or MLflow cannot be written."""


class DataError(TrainingError, ValueError):
    """The training films cannot be used."""
