"""The network in int8 and in OpenVINO: how fast they are, and whether int8 may ship.

    python benchmarks/int8.py --films chest_xray

The folder has films below NORMAL and PNEUMONIA. 256 of them calibrate int8 (static, QDQ, per channel); others, plain and
perturbed (`data/stress.py`, one perturbation each), are judged by both networks with the same gate, calibration and thresholds.
int8 may ship if the loss of AUC is at most 0.001, the calibration error at most 0.02, if at most 0.5 % of the verdicts
change, none from one clear verdict to the opposite, and if the same films are refused. OpenVINO is left out where it is
not installed. Speeds are measured in turns, in one thread, in batches of 8.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from in_turns import in_turns, table
from pneumoscope import images
from pneumoscope.bundle import CARD, GATE, GOLDEN, MODEL, Bundle, open_bundle, write_bundle
from pneumoscope.data.stress import stress_suite
from pneumoscope.images.resampling import resample
from pneumoscope.metrics import expected_calibration_error, roc_auc
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED, Prediction
from pneumoscope.runtime import Classifier, Prepared, load

CALIBRATING, BATCH = 256, 8
AUC_LOSS, ECE, CHANGED = 0.001, 0.02, 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--films", type=Path, required=True, help="folder with NORMAL and PNEUMONIA"
    )
    parser.add_argument("--bundle", default="children")
    parser.add_argument("--count", type=int, default=1000, help="films that are judged")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    bundle = open_bundle(options.bundle)
    calibrating, judged = chosen(options.films, CALIBRATING, options.count)
    with tempfile.TemporaryDirectory() as folder:
        whole = load(bundle, threads=1)
        inputs = np.stack([prepared(whole, path).pixels for path in calibrating])[..., None]
        quantised = load(in_int8(bundle, inputs, Path(folder)), threads=1)
        runs = runners({"float": bundle, "int8": quantised.bundle})
        batches = [inputs[i : i + BATCH] for i in range(0, len(inputs), BATCH)]
        ways = {name: partial(over, run, batches) for name, run in runs.items()}
        print(table(in_turns(ways, options.rounds), "ONNX Runtime, float", len(inputs)), end="\n\n")
        first, *others = runs
        p = {name: np.concatenate([run(batch) for batch in batches]) for name, run in runs.items()}
        for name in others:
            print(f"{name}: largest |dp| {np.abs(p[name] - p[first]).max():.1e}")
        for name, perturb in (("plain", None), ("perturbed", list(stress_suite().values()))):
            verdicts = [list(predictions(reader, judged, perturb)) for reader in (whole, quantised)]
            print(f"\nint8 on {len(judged)} films, {name}:")
            positive = np.array([path.parent.name != NORMAL for path in judged])
            for check in checks(positive, *verdicts):
                print(f"- {check.words}: {check.value} ({'passes' if check.passes else 'FAILS'})")


def chosen(root: Path, first: int, second: int) -> tuple[list[Path], list[Path]]:
    """Two sets of films of both classes, evenly from all, without one in both."""
    films = sorted(path for path in root.rglob("*") if path.parent.name in ("NORMAL", "PNEUMONIA"))
    count = min(first + second, len(films))
    if count < 20:
        raise SystemExit(f"{root}: has {len(films)} films below NORMAL and PNEUMONIA")
    even = [films[i * len(films) // count] for i in range(count)]
    picked = {i * count // min(first, count // 2) for i in range(min(first, count // 2))}
    return (
        [path for i, path in enumerate(even) if i in picked],
        [path for i, path in enumerate(even) if i not in picked],
    )


def prepared(
    reader: Classifier,
    path: Path,
    perturb: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None,
) -> Prepared:
    """A film for the network; perturbed at the size that the training films have."""
    meta = reader.bundle.meta
    if perturb is None:
        return reader.prepare(path)
    film = images.read(path)
    pixels = images.model_input(film, meta.source_size, meta.source_size, meta.resize)
    return Prepared(str(path), film.facts, resample(perturb(pixels), meta.size), 0.0)


def predictions(
    reader: Classifier, films: Sequence[Path], perturb: Sequence[Callable[..., Any]] | None
) -> Iterator[Prediction]:
    for begin in range(0, len(films), BATCH):
        yield from reader.judge(
            [
                prepared(reader, films[i], perturb[i % len(perturb)] if perturb else None)
                for i in range(begin, min(begin + BATCH, len(films)))
            ]
        )


class Check(NamedTuple):
    """A condition for shipping int8.

    Attributes:
        words: What is measured, and its limit.
        value: What was measured.
        passes: Whether that is within the limit.
    """

    words: str
    value: str
    passes: bool


def checks(
    positive: NDArray[np.bool_], whole: Sequence[Prediction], quantised: Sequence[Prediction]
) -> list[Check]:
    """The conditions, from the verdicts of the float and of the int8 network on the same films."""
    p, q = (np.array([x.p_positive for x in each]) for each in (whole, quantised))
    loss = float(np.subtract(*(roc_auc(positive, v, np.ones((1, len(p))))[0] for v in (p, q))))
    ece = [expected_calibration_error(positive, v) for v in (p, q)]
    pairs = [(a.label, b.label) for a, b in zip(whole, quantised, strict=True)]
    opposite = sum(a != b and not {REFUSED, UNDETERMINED} & {a, b} for a, b in pairs)
    refused = sum((a == REFUSED) != (b == REFUSED) for a, b in pairs)
    changed = sum(a != b for a, b in pairs)
    return [
        Check(f"loss of AUC, at most {AUC_LOSS}", f"{loss:+.4f}", loss <= AUC_LOSS),
        Check(
            f"calibration error, at most {ECE}", f"{ece[1]:.4f}, float {ece[0]:.4f}", ece[1] <= ECE
        ),
        Check(
            f"verdicts changed, at most {CHANGED:.1%}",
            f"{changed} ({changed / len(pairs):.1%})",
            changed <= CHANGED * len(pairs),
        ),
        Check("from a clear verdict to the opposite, none", str(opposite), opposite == 0),
        Check("refused by one of them only, none", str(refused), refused == 0),
    ]


def in_int8(bundle: Bundle, inputs: NDArray[np.uint8], folder: Path) -> Bundle:
    """A copy of the bundle with its convolutions in int8, and all else in float."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Films(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            film = next(self._left, None)
            return None if film is None else {"films": film[None]}

    model = folder / "int8.onnx"
    quantize_static(
        str(bundle.path / MODEL), str(model), Films(), quant_format=QuantFormat.QDQ, per_channel=True,
        weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8, op_types_to_quantize=["Conv"],
    )  # fmt: skip
    files = {
        name: bundle.path / name for name in (GOLDEN, CARD, GATE) if (bundle.path / name).exists()
    }
    return write_bundle(folder / bundle.path.name, bundle.meta, files | {MODEL: model})


def runners(bundles: dict[str, Bundle]) -> dict[str, Callable[[NDArray[np.uint8]], NDArray[Any]]]:
    """What gives the probabilities of a batch: each network in each runtime that is installed."""
    runs = {f"ONNX Runtime, {name}": of_onnxruntime(bundle) for name, bundle in bundles.items()}
    if util.find_spec("openvino") is not None:
        runs |= {
            f"OpenVINO, {name}": of_openvino(bundle, "f32") for name, bundle in bundles.items()
        }
        runs["OpenVINO, bfloat16"] = of_openvino(next(iter(bundles.values())), "bf16")
    return runs


def of_onnxruntime(bundle: Bundle) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = str(bundle.path / MODEL)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    at = names.index("probabilities")
    return lambda films: session.run(names, {"films": films})[at]  # type: ignore[no-any-return]


def of_openvino(bundle: Bundle, precision: str) -> Callable[[NDArray[np.uint8]], NDArray[Any]]:
    import openvino

    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": precision}
    model = openvino.compile_model(str(bundle.path / MODEL), "CPU", options)
    request = model.create_infer_request()
    return lambda films: np.array(request.infer({"films": films})["probabilities"])


def over(run: Callable[[Any], object], batches: Sequence[Any]) -> None:
    for batch in batches:
        run(batch)


if __name__ == "__main__":
    main()
