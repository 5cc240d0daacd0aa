"""The card of an imported model says what is unknown."""

from __future__ import annotations

from typing import Any

from pneumoscope.bundle import BundleMeta
from pneumoscope.render.card import card_of
from pneumoscope.render.card.imported import imported_card
from tiny import tiny_meta


def imported(**changes: Any) -> BundleMeta:
    recipe = {
        "imported_from": "notebook.h5",
        "sha256": "ab" * 32,
        "channels": 3,
        "scaling": "unit",
    }
    parity = {"films": 64, "max_dp": 2e-6, "max_heatmap_error": 3.25e-5}
    return tiny_meta(**({"recipe": recipe, "validation": {"parity": parity}} | changes))


def test_what_is_known_of_the_file() -> None:
    text = imported_card(imported())
    assert text.startswith("# tiny 1\n\n**Tests.**\n")
    assert f"An imported Keras model, notebook.h5, SHA-256 `{'ab' * 32}`." in text
    assert 'normal, bacterial, viral; "nothing found" is normal.' in text
    assert "32 x 32 pixels, 3 channel(s), scaling `unit`." in text
    assert "makes every film 224 x 224 pixels" in text


def test_the_differences_between_onnx_and_keras() -> None:
    text = imported_card(imported())
    assert "ONNX against Keras on 64 drawn films: largest |dp| 2.0e-06" in text
    assert "automatic differentiation: largest error 3.2e-05 of" in text


def test_half_precision_of_the_notebook_is_named() -> None:
    check = {"kind": "x", "pairs": 8, "max_dp": 0.06, "changed": 1, "max_dp_half": 0.002}
    validation = imported().validation | {"check": check}
    text = imported_card(imported(validation=validation))
    assert "in half precision it differs by 2.0e-03." in text.replace("\n", " ")
    check["max_dp_half"] = None
    assert "half precision" not in imported_card(imported(validation=validation))


def test_the_precision_of_a_gpu_is_named() -> None:
    check = {"kind": "x", "pairs": 8, "max_dp": 0.004, "changed": 0, "max_dp_tf32": 0.003}
    text = imported_card(imported(validation=imported().validation | {"check": check}))
    assert "in TF32, which alone changes these answers by up to 3.0e-03;" in text.replace("\n", " ")


def test_nothing_is_said_about_its_accuracy() -> None:
    text = imported_card(imported())
    assert "## Not validated here" in text
    assert "The threshold\n0.5 was not chosen on any film." in text
    assert "AUC" not in text


def test_an_imported_bundle_gets_this_card() -> None:
    meta = imported()
    assert card_of(meta).startswith(imported_card(meta))
