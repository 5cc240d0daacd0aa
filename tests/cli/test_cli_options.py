"""Options that commands share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pneumoscope.cli.options import reader_option
from pneumoscope.cli.train.options import prepare_conversion, prepare_training
from pneumoscope.decision.reader_settings import ERROR, FORCE
from pneumoscope.errors import DataError, UsageError
from reference_cli import leaves


def test_an_option_is_made_from_the_table() -> None:
    option = reader_option(ERROR)
    assert (option.default, *option.param_decls) == ("--error",)
    assert (option.envvar, option.metavar) == ("PNEUMOSCOPE_ERROR", "SHARE")
    assert option.help == ERROR.option_help
    assert reader_option(ERROR, from_environment=False).envvar is None
    assert reader_option(FORCE).metavar is None


def test_every_option_has_a_sentence_and_a_short_placeholder() -> None:
    for name, command in leaves():
        for parameter in command.params:
            if getattr(parameter, "hidden", False) or parameter.name == "help":
                continue
            text = getattr(parameter, "help", None)
            assert text, f"{name} {parameter.name}"
            assert not text[0].islower(), text
            assert text.rstrip().endswith((".", "?")), text
            if parameter.param_type_name == "option" and not parameter.is_flag:
                assert parameter.metavar, f"{name} {parameter.name}"
                assert len(parameter.metavar) <= len("none|fast|checked")


def test_training_needs_a_known_backend_and_films(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="theano") as backend:
        prepare_training("theano", None)
    assert backend.value.hint == "One of tensorflow, jax, torch."
    monkeypatch.setattr("pneumoscope.cli.train.options.require", lambda *_: None)
    with pytest.raises(DataError, match="no training films named"):
        prepare_training("tensorflow", None)


def test_keras_is_pointed_to_its_backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pneumoscope.cli.train.options.require", lambda *_: None)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    assert prepare_training("jax", tmp_path) == tmp_path
    assert os.environ["KERAS_BACKEND"] == "jax"
    prepare_conversion("export")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
