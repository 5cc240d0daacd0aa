"""The forms in which notebooks save models."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from pneumoscope.errors import ConversionError, PneumoscopeError, UsageError

h5py = pytest.importorskip("h5py", reason="needs the [train] extra")
from pneumoscope.train.keras_import import saved

CONFIG = {"class_name": "Sequential", "config": {"layers": []}}


def weights_file(file: Path, config: object = None) -> Path:
    with h5py.File(file, "w") as content:
        content.attrs["layer_names"] = ["dense"]
        if config is not None:
            content.attrs["model_config"] = json.dumps(config)
    return file


def test_h5_and_keras(tmp_path: Path) -> None:
    whole = weights_file(tmp_path / "a.h5", CONFIG)
    assert saved.locate(whole, None) == saved.SavedModel(whole, saved.H5, CONFIG, whole, (whole,))
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(CONFIG | {"compile_config": {"loss": "f"}}))
    located = saved.locate(tmp_path / "a.keras", None)
    assert (located.form, located.config) == (saved.KERAS, CONFIG)


def test_architecture_and_weights_in_two_files(tmp_path: Path) -> None:
    architecture = tmp_path / "model.json"
    architecture.write_text(json.dumps(CONFIG | {"compile_config": {"loss": "of the notebook"}}))
    with pytest.raises(UsageError, match="no weights") as caught:
        saved.locate(architecture, None)
    assert "--weights" in caught.value.hint
    weights = weights_file(tmp_path / "mine.weights.h5")
    for located in (
        saved.locate(architecture, None),
        saved.locate(architecture, weights),
        saved.locate(tmp_path, None),
    ):
        assert located.weights == weights
        assert located.config == CONFIG
        assert located.files == (architecture, weights)
        assert not located.is_checkpoint
    (tmp_path / "mine.json").write_text(json.dumps(CONFIG))
    assert saved.locate(weights, None).path == tmp_path / "mine.json"


@pytest.mark.parametrize("name", ["MINE.H5", "mine.HDF5", "mine", "mine.weights"])
def test_weights_in_another_file_are_known_by_their_content(name: str, tmp_path: Path) -> None:
    architecture = tmp_path / "model.JSON"
    architecture.write_text(json.dumps(CONFIG))
    weights = weights_file(tmp_path / name)
    located = saved.locate(architecture, weights)
    assert (located.form, located.weights) == (saved.PARTS, weights)
    if name.lower().endswith("5"):
        assert saved.locate(architecture, None).weights == weights
    (tmp_path / "notes.txt").write_text("no weights")
    with pytest.raises(UsageError, match=r"neither \.h5 nor a checkpoint"):
        saved.locate(architecture, tmp_path / "notes.txt")


def test_weights_that_are_named_count_for_a_whole_model_too(tmp_path: Path) -> None:
    whole = weights_file(tmp_path / "last.h5", CONFIG)
    best = weights_file(tmp_path / "best.weights.h5")
    located = saved.locate(whole, best)
    assert (located.form, located.config, located.weights) == (saved.PARTS, CONFIG, best)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
    assert saved.locate(tmp_path / "m.keras", best).weights == best
    with pytest.raises(UsageError, match="is a whole model"):
        saved.locate(whole, tmp_path / "m.keras")


def test_json_of_something_else_is_no_architecture(tmp_path: Path) -> None:
    (tmp_path / "history.json").write_text('{"loss": [1, 2]}')
    with pytest.raises(ConversionError, match="not the architecture"):
        saved.locate(tmp_path / "history.json", None)


def test_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08\x07")
    with pytest.raises(ConversionError, match=r"m\.onnx: is a model in ONNX"):
        saved.locate(tmp_path / "m.onnx", None)


def test_a_checkpoint_is_named_by_its_index(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(json.dumps(CONFIG))
    for name in ("w.index", "w.data-00000-of-00001"):
        (tmp_path / name).write_bytes(b"x")
    for weights in (None, tmp_path / "w.index", tmp_path / "w"):
        located = saved.locate(tmp_path / "model.json", weights)
        assert located.is_checkpoint
        assert located.weights == tmp_path / "w"
        assert len(located.files) == 3
    with pytest.raises(UsageError, match="no such weights"):
        saved.locate(tmp_path / "model.json", tmp_path / "other")


def test_weights_without_layers_say_how_to_save_them(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="not a saved Keras model") as caught:
        saved.locate(weights_file(tmp_path / "only.weights.h5"), None)
    assert "model.to_json()" in caught.value.hint


def graph(metadata: str = "") -> bytes:
    """The graph of a SavedModel whose root object has some metadata."""
    saved_model_pb2 = pytest.importorskip("tensorflow.core.protobuf.saved_model_pb2")
    content = saved_model_pb2.SavedModel()
    node = content.meta_graphs.add().object_graph_def.nodes.add()
    node.user_object.metadata = metadata
    return bytes(content.SerializeToString())


@pytest.mark.train
def test_a_graph_of_keras_3_has_no_layers(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(graph())
    with pytest.raises(ConversionError, match="SavedModel without Keras' layers") as caught:
        saved.locate(tmp_path, None)
    assert ".keras" in caught.value.hint


@pytest.mark.train
def test_the_graph_of_tensorflow_2_4_has_the_layers(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(graph(json.dumps(CONFIG)))
    (tmp_path / "variables").mkdir()
    for name in ("variables.index", "variables.data-00000-of-00001"):
        (tmp_path / "variables" / name).write_bytes(b"x")
    located = saved.locate(tmp_path, None)
    assert (located.form, located.config) == (saved.SAVED_MODEL, CONFIG)


@pytest.mark.slow
def test_the_content_counts_and_not_the_ending(tmp_path: Path) -> None:
    for name in ("a.keras", "b.H5", "c"):
        assert saved.locate(weights_file(tmp_path / name, CONFIG), None).form == saved.H5
    with zipfile.ZipFile(tmp_path / "d.h5", "w") as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
    assert saved.locate(tmp_path / "d.h5", None).form == saved.KERAS


@pytest.mark.parametrize("name", ["none.h5", "text.txt", "bad.json", "bad.keras", "empty"])
def test_paths_that_are_no_model(name: str, tmp_path: Path) -> None:
    if name == "empty":
        (tmp_path / name).mkdir()
    elif name != "none.h5":
        (tmp_path / name).write_text("[1]")
    with pytest.raises(PneumoscopeError) as caught:
        saved.locate(tmp_path / name, None)
    assert caught.value.hint


def test_a_damaged_file_is_not_to_be_saved_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(ConversionError, match="not a saved Keras model") as caught:
        saved.locate(tmp_path / "a.keras", None)
    assert "complete" in caught.value.hint
    assert ".keras" not in caught.value.hint


def test_models_in_other_wrappings_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("m/saved_model.pb", b"")
    with pytest.raises(ConversionError, match="packed SavedModel"):
        saved.locate(tmp_path / "m.zip", None)
    (tmp_path / "model.json").write_text(json.dumps({"modelTopology": CONFIG}))
    with pytest.raises(ConversionError, match=r"TensorFlow\.js"):
        saved.locate(tmp_path / "model.json", None)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Error when deserializing class 'Conv2D'.\n\nException encountered: no argument", "no argument"),
        ("Could not load.\n\nException encountered:\n\nthe cause\nmore", "the cause"),
        ("1 object could not be loaded. Example error for object <a>:\n\nshapes differ\nmore", "shapes differ"),
        ("Exception encountered when calling D.call().\n\n\x1b[1mthe cause\x1b[0m\n\nArguments", "the cause"),
        ("plain\nsecond", "plain"),
        ("", "ValueError"),
    ],
)  # fmt: skip
def test_the_cause_is_shown(text: str, cause: str) -> None:
    assert saved.reason_of(ValueError(text)) == cause


def test_one_hash_for_all_files(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"")
    second.write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert saved.sha256_of_all((first,)) == empty
    assert saved.sha256_of_all((first, second)) not in ("", empty)


def test_hdf5_behind_a_user_block_is_known_whatever_its_ending(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.model", "w", userblock_size=512) as content:
        content.attrs["model_config"] = json.dumps(CONFIG)
    located = saved.locate(tmp_path / "m.model", None)
    assert (located.form, located.config) == (saved.H5, CONFIG)


@pytest.mark.train
def test_weights_that_are_named_count_for_a_saved_model_too(tmp_path: Path) -> None:
    protobuf = pytest.importorskip("tensorflow.python.keras.protobuf.saved_metadata_pb2")
    (tmp_path / "saved_model.pb").write_bytes(b"")
    metadata = protobuf.SavedMetadata()
    settings = {"class_name": "Sequential", "config": {"layers": []}}
    metadata.nodes.add(node_path="root", metadata=json.dumps(settings))
    (tmp_path / "keras_metadata.pb").write_bytes(metadata.SerializeToString())
    best = weights_file(tmp_path / "best.weights.h5")
    located = saved.locate(tmp_path, best)
    assert (located.path, located.form, located.weights) == (tmp_path, saved.PARTS, best)
    assert located.files == (tmp_path / "keras_metadata.pb", best)


def test_weights_that_are_another_file_are_called_what_they_are(tmp_path: Path) -> None:
    whole = weights_file(tmp_path / "m.h5", CONFIG)
    pointer = tmp_path / "best.weights.h5"
    pointer.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ConversionError, match=r"best\.weights\.h5: is a pointer of Git LFS"):
        saved.locate(whole, pointer)
