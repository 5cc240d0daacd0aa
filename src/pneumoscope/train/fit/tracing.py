"""How TensorFlow runs the steps of a phase: one operation after the other, or as a graph.

A graph is faster for each step, but has to be built first. On the other backends Keras decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.train.data.batches import Batch

FEW_STEPS = 8
"""A phase of this many steps or fewer runs without a graph.

For MobileNetV2 with 64 pixels and batches of 15 on two cores, the graph takes 13.5 s to build; a step
takes 0.3 s with it and 1.2 s without, so that it pays from 15 steps on.
"""


def set_up(trainee: Any, model: Any, steps: int) -> None:
    """Chooses how the next steps run.

    Args:
        trainee: The compiled network that is trained, see `keras_model.trainee`.
        model: The network that validates; it may be the same.
        steps: How many steps follow.
    """
    if keras.backend.backend() != "tensorflow":
        return
    few = steps <= FEW_STEPS
    trainee.run_eagerly = model.run_eagerly = few
    if not few:
        trainee.train_function = _step_for_any_count(trainee)


def _step_for_any_count(trainee: Any) -> Any:
    """The training step as one graph for batches of any number of films.

    Keras would build the graph for the first batch, and again for a smaller last one.
    """
    import tensorflow

    step: Any = None

    def run(batches: Iterator[Batch]) -> Any:
        nonlocal step
        batch = keras.tree.map_structure(tensorflow.convert_to_tensor, next(batches))
        if step is None:
            signature = keras.tree.map_structure(
                lambda x: tensorflow.TensorSpec((None, *x.shape[1:]), x.dtype), batch
            )
            step = tensorflow.function(trainee.train_step, [signature], autograph=False)
        return step(batch)

    return run
