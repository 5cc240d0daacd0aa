"""What simplifying the exported network is worth (`train/export/simplify.py`).

    python benchmarks/simplified.py --rounds 9

Undoes the simplification of a bundle's network: the grey film becomes three channels again, which the first
convolution adds up, and every limit two nodes. Then both run on the same inputs, in turns, in one thread.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from in_turns import in_turns, table
from pneumoscope.bundle import MODEL, open_bundle

SIZES = (1, 8, 32)
"""Films in a run."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default="children")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    bundle = open_bundle(options.bundle)
    model = onnx.load(str(bundle.path / MODEL))
    simple, whole = session(model), session(expanded(model))
    side = bundle.meta.size
    for size in SIZES:
        inputs = np.random.default_rng(0).integers(0, 256, (size, side, side, 1), np.uint8)
        feeds = {"films": inputs}
        p = [s.run(["probabilities"], feeds)[0] for s in (whole, simple)]
        ways = {
            name: partial(repeated, s, feeds, max(1, 64 // size))
            for name, s in (("not simplified", whole), ("simplified", simple))
        }
        costs = in_turns(ways, options.rounds)
        print(f"Batches of {size}, largest |dp| {np.abs(p[0] - p[1]).max():.0e}:\n")
        print(table(costs, "not simplified", size * max(1, 64 // size)), end="\n\n")


def repeated(session: Any, feeds: dict[str, Any], times: int) -> None:
    for _ in range(times):
        session.run(None, feeds)


def expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network as Keras exports it: three equal channels, and each limit as Max and Min."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    constants = {item.name: item for item in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    first = next(node for node in graph.node if node.op_type == "Conv")
    for node in graph.node:
        if node is first:
            weight = numpy_helper.to_array(constants[node.input[1]])
            if weight.shape[1] != 1:
                raise SystemExit("the first convolution has more than one channel")
            three = numpy_helper.from_array(np.repeat(weight / 3, 3, axis=1), "three_channels")
            graph.initializer.append(three)
            nodes.append(helper.make_node("Concat", [node.input[0]] * 3, ["three"], axis=1))
            node.input[0], node.input[1] = "three", three.name
        if node.op_type == "Clip" and len(node.input) == 3:
            between = f"{node.output[0]}_from_below"
            nodes.append(helper.make_node("Max", [node.input[0], node.input[1]], [between]))
            nodes.append(helper.make_node("Min", [between, node.input[2]], [node.output[0]]))
        else:
            nodes.append(node)
    replaced = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(replaced)
    return copy


def session(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = (
        3  # of the weights that `expanded` replaces, nothing needs to be said
    )
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


if __name__ == "__main__":
    main()
