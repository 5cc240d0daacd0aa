"""The graph of a saved model in terms of Keras 3: names, calls of nested models, and arithmetic.

Keras 2 keeps arithmetic on tensors (``x / 127.5 - 1``, as ``preprocess_input`` has it) as layers that
call a function of TensorFlow by its name. Here it becomes layers of Keras. Other functions stay
what they are, and `pneumoscope.train.keras_import.reading` refuses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MODELS = ("Functional", "Sequential", "Model")
_CONSTANT = "_CONSTANT_VALUE"
"""In place of a layer's name, where Keras 2 saved a number."""
_FUNCTIONS = {
    "math.truediv": "divide",
    "math.divide": "divide",
    "realdiv": "divide",
    "__operators__.truediv": "divide",
    "math.multiply": "multiply",
    "__operators__.mul": "multiply",
    "math.add": "add",
    "__operators__.add": "add",
    "nn.bias_add": "add",
    "math.subtract": "subtract",
    "__operators__.sub": "subtract",
    "math.negative": "negative",
    "cast": "cast",
    "__operators__.getitem": "reverse",
    "identity": "cast",
}
_JOINS = {"add": "Add", "multiply": "Multiply", "subtract": "Subtract"}
_SECOND = ("y", "value", "bias")
"""What TensorFlow's functions call their second argument."""


def translated(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a model with layers in terms of Keras 3.

    Args:
        settings: ``layers``, and in a functional model ``input_layers`` and ``output_layers``.
    """
    settings = _without_slashes(settings)
    for key in ("input_layers", "output_layers"):
        ends = settings.get(key)
        # A tensor in a list stays a list in Keras 3, which the next layer then refuses.
        if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
            settings[key] = ends[0]
    if "output_layers" in settings:
        entries = [entry for entry in settings["layers"] if isinstance(entry, dict)]
        _count_calls_from_zero(entries, settings["output_layers"])
        names = {entry.get("name") for entry in entries}
        for entry in entries:
            _make_arithmetic(entry)
            nodes = entry.get("inbound_nodes")
            if isinstance(nodes, list):
                entry["inbound_nodes"] = [_with_named_tensors(node, names) for node in nodes]
    return settings


def with_input(entry: dict[str, Any]) -> dict[str, Any]:
    """A sequential model with a layer for its input.

    In Keras 2.3 and older the first layer says the shape, and the settings may be a list of layers.
    """
    settings = entry.get("config")
    if isinstance(settings, list):
        settings = {"layers": settings}
    if not isinstance(settings, dict) or not isinstance(settings.get("layers"), list):
        return entry
    first: Any = next(iter(settings["layers"]), None)
    if "name" not in settings and isinstance(first, dict):
        settings["name"] = str(entry.get("name") or f"{_name_of(first)}_and_others")
    shape = None if settings.get("build_input_shape") else _shape_of_input(first)
    if shape is not None and first["class_name"] != "InputLayer":
        given = {"batch_shape": shape, "dtype": "float32", "name": _name_of(first) + "_input"}
        added: dict[str, Any] = {"class_name": "InputLayer", "config": given}
        if "module" in first:
            added |= {"module": "keras.layers", "registered_name": None}
        settings = settings | {"layers": [added, *settings["layers"]]}
    return entry | {"config": settings}


def _name_of(entry: dict[str, Any]) -> str:
    settings = entry.get("config")
    return str(entry.get("name") or (settings.get("name") if isinstance(settings, dict) else ""))


def _shape_of_input(entry: Any) -> Any:
    """The shape that a layer or nested model takes; None if its configuration does not say."""
    while isinstance(entry, dict) and isinstance(entry.get("class_name"), str):
        settings = entry.get("config")
        inner = settings
        if isinstance(settings, dict):
            for key in ("batch_shape", "batch_input_shape"):
                if isinstance(settings.get(key), list):
                    return settings[key]
            inner = settings.get("layers")
        entry = inner[0] if isinstance(inner, list) and inner else None
    return None


def _without_slashes(settings: dict[str, Any]) -> dict[str, Any]:
    """Layers without slashes in their names, which Keras 3 forbids; weights keep the old names."""
    names = {str(entry.get("name")) for entry in settings["layers"] if isinstance(entry, dict)}
    names |= {
        str(entry["config"].get("name"))
        for entry in settings["layers"]
        if isinstance(entry, dict) and isinstance(entry.get("config"), dict)
    }
    renamed = {name: legal_name(name) for name in names if "/" in name}
    return _renamed(settings, renamed) if renamed else settings


def legal_name(name: str) -> str:
    """A layer's name as Keras 3 accepts it."""
    return name.replace("/", "__")


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, str):
        return names.get(part, part)
    if isinstance(part, list):
        return [_renamed(item, names) for item in part]
    if isinstance(part, dict):
        return {key: _renamed(value, names) for key, value in part.items()}
    return part


def _count_calls_from_zero(entries: list[dict[str, Any]], outputs: Any) -> None:
    """Shifts references to nested models: in Keras 2 the first call of one had the number 1."""
    nested = {entry.get("name"): entry.get("class_name") for entry in entries}
    references = [r for entry in entries for r in _references(entry.get("inbound_nodes"))]
    for name, kind in nested.items():
        if kind not in _MODELS:
            continue
        calls = [reference for reference in references if reference[0] == name]
        if kind == "Sequential":  # at the ends, Keras 3 counts other models from 1, too
            calls += [reference for reference in _references(outputs) if reference[0] == name]
        if calls and min(call[1] for call in calls) >= 1:
            for call in calls:
                call[1] -= 1


def _references(part: Any) -> Iterator[list[Any]]:
    """Every ``[layer, call, tensor, ...]`` in a configuration, as the list itself."""
    if isinstance(part, dict):
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        if len(part) >= 3 and isinstance(part[0], str) and _is_number(part[1]):
            yield part
        for value in part:
            yield from _references(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _with_named_tensors(node: Any, names: set[Any]) -> Any:
    """A layer's call in the form of Keras 3, if tensors are among its arguments with names.

    ``attention(x, value=y)``: the former form has no place for these, and Keras 3 passes on their names.
    """
    parts = node if isinstance(node, list) else []
    if not all(isinstance(part, list) and len(part) == 4 for part in parts):
        return node
    given: dict[str, Any] = {}
    for part in parts:
        given |= part[3] if isinstance(part[3], dict) else {}
    arguments = {name: _as_tensors(value, names) for name, value in given.items()}
    if arguments == given:
        return node
    inputs = [_as_tensors(part[:3], names) for part in parts]
    return {"args": inputs if len(inputs) == 1 else [inputs], "kwargs": arguments}


def _as_tensors(value: Any, names: set[Any]) -> Any:
    """An argument with the tensors that it refers to as Keras 3 writes them."""
    if not isinstance(value, list):
        return value
    if len(value) in (3, 4) and isinstance(value[0], str) and value[0] in names:
        # The shape is that of what is found there.
        given = {"shape": [None], "dtype": "float32", "keras_history": value[:3]}
        return {"class_name": "__keras_tensor__", "config": given}
    return [_as_tensors(part, names) for part in value]


def _make_arithmetic(entry: dict[str, Any]) -> None:
    """Turns a function of TensorFlow into a layer of Keras, in place, if it is arithmetic."""
    if entry.get("class_name") not in ("TFOpLambda", "SlicingOpLambda"):
        return
    operation = _FUNCTIONS.get(str(entry["config"].get("function")))
    nodes = entry.get("inbound_nodes")
    if operation is None or not isinstance(nodes, list) or len(nodes) != 1:
        return
    # The only node is [layer, call, tensor, arguments], in some versions in one list more.
    node = nodes[0]
    while isinstance(node, list) and len(node) == 1:
        node = node[0]
    if not isinstance(node, list) or len(node) != 4 or not isinstance(node[3], dict):
        return
    first = node[2] if node[0] == _CONSTANT else [*node[:3], {}]
    second = next((node[3][name] for name in _SECOND if name in node[3]), None)
    if isinstance(second, list) and second and isinstance(second[0], str):
        second = [*second[:3], {}]
    layer = _layer_for(operation, first, second, node[3])
    if layer is None:
        return
    kind, settings = layer
    settings = {"name": entry["config"].get("name"), "dtype": "float32", **settings}
    module = "keras.layers"
    if kind == "Flip":
        module, settings = "keras.src.ops.numpy", {"axis": -1, "name": settings["name"]}
    tensors = [part for part in (first, second) if _is_tensor(part)]
    entry |= {"module": module, "class_name": kind, "config": settings, "registered_name": None}
    entry["inbound_nodes"] = [tensors]
    entry.pop("build_config", None)  # the shape of one tensor, also where there are two


def _layer_for(
    operation: str, first: Any, second: Any, arguments: dict[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    """Class and settings of the layer that computes an operation; None if there is none."""
    if operation == "reverse":
        return ("Flip", {}) if _reverses_channels(arguments.get("slice_spec")) else None
    if operation == "cast":
        return ("Activation", {"activation": "linear"}) if _to_float(arguments) else None
    if operation == "negative":
        return "Rescaling", {"scale": -1.0, "offset": 0.0}
    if _is_tensor(first) and _is_tensor(second):
        return (_JOINS[operation], {}) if operation in _JOINS else None
    constant = second if _is_tensor(first) else first
    if not _is_constant(constant):
        return None
    scale, offset = _affine(operation, constant, reverse=not _is_tensor(first))
    return None if scale is None else ("Rescaling", {"scale": scale, "offset": offset})


def _affine(operation: str, constant: Any, *, reverse: bool) -> tuple[Any, Any]:
    """Scale and offset of an operation with a constant, which comes first if ``reverse``."""
    if operation == "add":
        return 1.0, constant
    if operation == "multiply":
        return constant, 0.0
    if operation == "subtract":
        return (-1.0, constant) if reverse else (1.0, _each(lambda c: -c, constant))
    if reverse or 0 in (constant if isinstance(constant, list) else [constant]):
        return None, None
    return _each(lambda c: 1.0 / c, constant), 0.0


def _each(function: Callable[[float], float], constant: Any) -> Any:
    if isinstance(constant, list):
        return [function(value) for value in constant]
    return function(constant)


def _is_tensor(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 4 and isinstance(part[0], str)


def _is_constant(value: Any) -> bool:
    """Whether it is a number, or one for each channel."""
    numbers = value if isinstance(value, list) else [value]
    return bool(numbers) and all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in numbers
    )


def _to_float(arguments: dict[str, Any]) -> bool:
    kind = arguments.get("dtype", arguments.get("x", "float32"))
    return str(kind) in ("float16", "bfloat16", "float32", "float64", "half")


def _reverses_channels(spec: Any) -> bool:
    """Whether a slice is ``[..., ::-1]``, which turns RGB into BGR."""
    if not isinstance(spec, list) or not spec:
        return False
    *others, last = spec
    whole = {"start": None, "stop": None, "step": None}
    if not all(part == whole or _is_ellipsis(part) for part in others):
        return False
    backwards = isinstance(last, dict) and last == {**whole, "step": -1}
    return backwards and (len(others) == 3 or any(_is_ellipsis(part) for part in others))


def _is_ellipsis(part: Any) -> bool:
    return part == "..." or (isinstance(part, dict) and part.get("class_name") == "__ellipsis__")
