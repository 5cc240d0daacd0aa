"""The table of a reader's settings, and that each of its consumers shows exactly this table."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.core
import typer.main

from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.cli.app import app_of
from pneumoscope.decision import explain
from pneumoscope.decision.reader_settings import (
    BUNDLE,
    DEFAULT_ERROR,
    DISEASE,
    ERROR,
    EXPLAIN,
    FORCE,
    ONE_BUNDLE,
    OPERATING_POINT,
    PREVALENCE,
    PROFILE,
    READER_SETTINGS,
    UPLOADED,
    ReaderSetting,
    from_environment,
    from_form,
    to_form,
)
from pneumoscope.errors import UsageError
from pneumoscope.records import Settings
from pneumoscope.runtime import load

NEEDS_SERVE = pytest.mark.skipif(find_spec("fastapi") is None, reason="needs the [serve] extra")


def parameters(command: str) -> dict[str, typer.core.TyperOption]:
    group = typer.main.get_command(app_of([command]))
    assert isinstance(group, typer.core.TyperGroup)
    return {
        option: parameter
        for parameter in group.commands[command].params
        if isinstance(parameter, typer.core.TyperOption)
        for option in parameter.opts
    }


def test_the_table_holds_what_a_classifier_takes() -> None:
    taken = {field.name: field.default for field in fields(Settings)}
    table = {setting.name: setting.default for setting in READER_SETTINGS if setting != BUNDLE}
    assert table == taken


def test_every_setting_is_described() -> None:
    for setting in READER_SETTINGS:
        assert setting.title
        assert setting.help.endswith(".")
        for choice in setting.choices:
            assert choice.title
            assert choice.text.endswith(".")
    assert f"{100 * DEFAULT_ERROR:g} % by default" in ERROR.help
    for setting in (ERROR, PREVALENCE):  # the page has fields in percent
        assert "0.0" not in setting.help
        assert setting.option_help == f"{setting.help} 0.05 stands for 5 %."
    assert [s.name for s in READER_SETTINGS if not s.uploaded] == ["bundle", "profile"]


def test_spelling_on_the_command_line_and_in_the_environment() -> None:
    assert OPERATING_POINT.option == "--operating-point"
    assert OPERATING_POINT.variable == "PNEUMOSCOPE_OPERATING_POINT"
    assert [s.metavar for s in (OPERATING_POINT, ERROR, EXPLAIN, FORCE, PROFILE)] == [
        "NAME", "SHARE", "none|fast|checked", "", "FILE",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["predict", "batch", "report", "watch"])
@pytest.mark.parametrize("setting", READER_SETTINGS, ids=lambda s: s.name)
def test_commands_that_read_films_offer_the_table(setting: ReaderSetting, command: str) -> None:
    option = parameters(command)[setting.option]
    assert option.opts == [setting.option]
    assert option.envvar == setting.variable
    assert option.help == setting.option_help
    assert (option.metavar or "") == setting.metavar
    assert option.default == setting.default
    assert option.is_flag == (setting.kind == "flag")


@pytest.mark.parametrize(
    ("command", "setting", "from_environment"),
    [
        ("info", ONE_BUNDLE, True),
        ("gradio", BUNDLE, True),
        ("streamlit", BUNDLE, True),
        ("audit", ONE_BUNDLE, False),
        ("calibrate", ONE_BUNDLE, False),
        ("serve", PROFILE, True),
        ("drift", PROFILE, True),
    ],
)
def test_other_commands_spell_settings_alike(
    command: str, setting: ReaderSetting, from_environment: bool
) -> None:
    option = parameters(command)[setting.option]
    assert option.help == setting.help
    assert option.metavar == setting.metavar
    assert option.envvar == (setting.variable if from_environment else None)


def test_help_and_titles_hold_for_every_bundle() -> None:
    assert not [s.name for s in READER_SETTINGS if "pneumonia" in f"{s.title} {s.help}".lower()]


def test_a_server_takes_several_bundles() -> None:
    option = parameters("serve")[BUNDLE.option]
    assert (option.help or "").startswith(f"{BUNDLE.help} Repeat it to serve several")
    assert (option.metavar, option.envvar) == (BUNDLE.metavar, None)


def test_modes_of_the_heatmap_are_the_choices() -> None:
    assert explain.MODES == EXPLAIN.values == ("none", "fast", "checked")
    assert EXPLAIN.values == (explain.NONE, explain.FAST, explain.CHECKED)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        (ERROR, 0.0, "error 0 is not between 0 and 1"),
        (ERROR, 1.0, "error 1 is not between 0 and 1"),
        (PREVALENCE, 2.0, "prevalence 2 is not between 0 and 1"),
        (PREVALENCE, math.nan, "prevalence nan is not between 0 and 1"),
        (EXPLAIN, "much", "explain 'much' is unknown"),
    ],
)
def test_values_out_of_range(setting: ReaderSetting, value: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        setting.check(value)
    assert error.value.message == message
    assert error.value.hint in ("0.05 stands for 5 %.", "Choose one of: none, fast, checked.")


def test_a_variable_that_is_no_value_says_why() -> None:
    with pytest.raises(UsageError) as error:
        from_environment({ERROR.variable: "often"})
    assert error.value.message == "PNEUMOSCOPE_ERROR=often: error is not a number"
    assert error.value.hint == "Give one such as 0.05."


def test_values_in_range() -> None:
    for setting, value in ((ERROR, 0.05), (ERROR, None), (EXPLAIN, "none"), (FORCE, True)):
        setting.check(value)


def test_a_form_and_back() -> None:
    settings = Settings(
        operating_point="screen", error=0.1, prevalence=0.05, force=True, explain="checked"
    )
    form = to_form(settings)
    assert form == {
        "operating_point": "screen",
        "prevalence": "0.05",
        "error": "0.1",
        "explain": "checked",
        "force": "true",
    }
    assert from_form(form | {"patient": "MRN-1"}) == settings
    assert to_form(Settings()) == {"explain": "fast"}
    assert from_form({}) == Settings()
    assert from_form({"force": "false"}, Path("site.json")) == Settings(profile=Path("site.json"))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"prevalence": "many"}, "prevalence is not a number"),
        ({"force": "perhaps"}, "force is neither true nor false"),
    ],
)
def test_forms_that_hold_no_value(form: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_form(form)


def test_a_client_refuses_what_no_server_can_serve() -> None:
    with pytest.raises(UsageError, match="error 2 is not between 0 and 1"):
        to_form(Settings(error=2))


@NEEDS_SERVE
def test_the_api_document_shows_the_table() -> None:
    from pneumoscope.serve.routes.schemas import UPLOAD
    from pneumoscope.serve.uploads import FIELDS

    form = UPLOAD["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert list(form) == ["files", "population", *(s.name for s in UPLOADED), "bundle", "patient"]
    assert set(FIELDS) == set(form) - {"files"}
    for setting in UPLOADED:
        assert form[setting.name] == setting.schema
        assert form[setting.name]["title"] == setting.title
        assert form[setting.name]["description"] == setting.help
    assert form["explain"]["enum"] == ["none", "fast", "checked"]
    assert form["error"]["exclusiveMaximum"] == 1
    assert form["force"]["default"] == "false"


@NEEDS_SERVE
def test_the_page_gets_a_form_for_the_shipped_bundle() -> None:
    from pneumoscope.serve.capabilities import reader_choices
    from pneumoscope.serve.settings import ServeSettings

    classifier = load(open_bundle())
    form = reader_choices({"children": classifier}, ServeSettings())["children"]["form"][
        "properties"
    ]
    assert list(form) == [setting.name for setting in UPLOADED]
    for setting in UPLOADED:
        assert form[setting.name]["title"] == setting.title.replace(DISEASE, "pneumonia")
        assert form[setting.name]["description"] == setting.help.replace(DISEASE, "pneumonia")
    points = classifier.rules.offered.operating_points
    assert form["operating_point"]["enum"] == [point.name for point in points]
    assert form["operating_point"]["default"] == classifier.rules.offered.default_operating_point
    described = {c["const"]: c["description"] for c in form["operating_point"]["oneOf"]}
    ranges = {"balanced": "0.799", "screen": "0.799", "rule-in": "0.844"}
    assert described == {
        point.name: f"{point.rule}. With the other settings at their defaults: NORMAL below 0.088, "
        f"UNDETERMINED from 0.088, PNEUMONIA from {ranges[point.name]}."
        for point in points
    }
    scores = classifier.rules.offered.conformal
    assert scores is not None
    assert form["error"]["minimum"] == scores.smallest_error
    assert form["error"]["default"] == DEFAULT_ERROR
    assert [c["title"] for c in form["explain"]["oneOf"]] == [c.title for c in EXPLAIN.choices]


@NEEDS_SERVE
def test_a_form_offers_only_what_the_bundle_serves(
    tiny_bundle: Bundle, findings_bundle: Bundle
) -> None:
    from pneumoscope.serve.capabilities import reader_choices
    from pneumoscope.serve.settings import ServeSettings

    for bundle, missing in ((tiny_bundle, {"error"}), (findings_bundle, {"error", "prevalence"})):
        served = {"own": load(bundle.path)}
        form = reader_choices(served, ServeSettings())["own"]["form"]["properties"]
        assert {setting.name for setting in UPLOADED} - form.keys() == missing
        assert form["operating_point"]["enum"] == ["balanced", "screen"]


def test_the_table_loads_nothing_heavy() -> None:
    code = (
        "import sys, pneumoscope.decision.reader_settings\n"
        "print(*{'numpy', 'typer', 'pydantic', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
