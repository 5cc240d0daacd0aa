"""Completion in the shell, asked for as a shell does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.core
import typer.main

from pneumoscope.bundle import META, Bundle, open_bundle
from pneumoscope.cli import completion
from pneumoscope.cli.app import app
from pneumoscope.decision.reader_settings import READER_SETTINGS
from pneumoscope.train.recipe.reading import shipped
from reference_cli import leaves

# The name of the program decides the variable's name.
PROGRAM = (
    "import atexit, os, sys\n"
    "sys.argv = ['pneumoscope']\n"
    "from pneumoscope.cli.main import run\n"
    "run()\n"
    "heavy = {'numpy', 'onnxruntime', 'PIL', 'pydicom'} & set(sys.modules)\n"
    "sys.stderr.write(' '.join(sorted(heavy)))"
)


def completed(line: str, shell: str = "bash", **environment: str) -> str:
    """What a shell would offer for the last word of a line."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ
        | {
            "_PNEUMOSCOPE_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "", "completion loads what it does not need"
    return done.stdout


@pytest.fixture
def tiny_folder(tiny_bundle: Bundle) -> str:
    return str(tiny_bundle.path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pneumoscope predict --bundle c", ["children"]),
        ("pneumoscope predict --operating-point s", ["screen"]),
        ("pneumoscope predict --explain ", ["none", "fast", "checked"]),
        ("pneumoscope train mobilenetv2-", ["mobilenetv2-bn", "mobilenetv2-flatten", "mobilenetv2-gap"]),
        ("pneumoscope calibrate --from chil", ["children"]),
        ("pneumoscope predict --operating-point nonsense", []),
    ],
)  # fmt: skip
def test_bash(line: str, words: list[str]) -> None:
    assert completed(line).split() == words


def test_operating_points_are_those_of_the_bundle_in_the_line(tiny_folder: str) -> None:
    line = f"pneumoscope predict --bundle {tiny_folder} --operating-point "
    assert completed(line).split() == ["balanced", "screen"]


def test_a_shell_with_descriptions_shows_the_rule() -> None:
    points = {point.name: point.rule for point in open_bundle().meta.operating_points}
    shown = completed("pneumoscope predict --operating-point s", "zsh")
    assert f'"screen":"{points["screen"]}"' in shown


def test_installing_is_offered_as_typer_gives_it() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    options = {option for parameter in group.params for option in parameter.opts}
    assert {"--install-completion", "--show-completion"} <= options


def context(**values: object) -> typer.Context:
    made = typer.Context(typer.core.TyperCommand("predict"))
    made.params = values
    return made


def test_bundles_of_a_readers_own_folders(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").symlink_to(tiny_bundle.path)
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(tmp_path))
    assert completion.bundle_names() == [
        ("adults", "shipped"),
        ("children", "shipped"),
        ("mine", str(tmp_path)),
    ]
    names = [name for name, _ in completion.operating_points(context(bundle=Path("mine")))]
    assert names == ["balanced", "screen"]


def test_operating_points_are_those_of_the_population_in_the_line(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pneumoscope.bundle.names.SHIPPED_SET", (tiny_bundle.path,))
    points = completion.operating_points(context(population=tiny_bundle.path.name))
    assert [name for name, _ in points] == ["balanced", "screen"]


def test_an_argument_for_bundles_and_films_completes_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films.csv").touch()
    (tmp_path / ".hidden").touch()
    monkeypatch.chdir(tmp_path)
    shipped_names = completion.bundle_names()
    files = [("films", "folder"), ("films.csv", "file")]
    assert completion.bundles_and_paths("") == shipped_names + files
    begun = completion.bundles_and_paths(f"{tmp_path}/films.")
    assert begun == [*shipped_names, (f"{tmp_path}/films.csv", "file")]
    assert completion.bundles_and_paths("nowhere/") == shipped_names


def test_findings_share_the_names_of_their_points(findings_bundle: Bundle) -> None:
    points = completion.operating_points(context(bundle=findings_bundle.path))
    assert [name for name, _ in points] == ["balanced", "screen"]


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"operating_points": [{}]})])
def test_what_cannot_be_read_completes_to_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / META).write_text(content)
    assert completion.operating_points(context(bundle=tmp_path)) == []
    assert completion.operating_points(context(bundle=tmp_path / "none")) == []


def test_recipes_come_with_their_first_line() -> None:
    recipes = dict(completion.recipes())
    assert list(recipes) == list(shipped())
    assert recipes["flagship"].startswith("The flagship: MobileNetV2 at 128 pixels")
    assert all(recipes.values())


def test_settings_with_a_list_are_completed() -> None:
    listed = [s.name for s in READER_SETTINGS if completion.completion_of(s) is not None]
    assert listed == ["bundle", "population", "operating_point", "explain"]


def test_a_folder_of_bundles_that_cannot_be_listed_completes_to_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(tmp_path))
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert completion.bundle_names() == []


def test_an_operating_point_of_a_name_that_no_bundle_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert completion.operating_points(context(bundle=Path("nobody"))) == []
    assert completion.operating_points(context()) == completion.operating_points(
        context(bundle=Path("children"))
    )


@pytest.mark.parametrize(
    ("text", "first"),
    [("# One.\n# Two.\n", "One."), ("name = 1\n#  Late.", "Late."), ("name = 1", ""), ("", "")],
)
def test_a_recipe_is_described_by_its_first_comment(text: str, first: str, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(text)
    assert completion._first_comment(tmp_path / "r.toml") == first


def completing() -> dict[str, set[str]]:
    """The options and arguments that the shell completes, by the function that gives the values."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    names: dict[str, set[str]] = {}
    for name, command in leaves():
        for parameter in command.params:
            custom = getattr(parameter, "_custom_shell_complete", None)
            if custom is None:
                continue
            given = {word.value for word in custom(context(), parameter, "")}
            for label, values in KNOWN.items():
                if given == values:
                    names.setdefault(label, set()).add(f"{name} {parameter.opts[0]}")
    return names


KNOWN = {
    "bundles": {"adults", "children"},
    "points": {point.name for point in open_bundle().meta.operating_points},
    "recipes": set(shipped()),
    "modes": {"none", "fast", "checked"},
}


def test_what_is_completed_where() -> None:
    assert completing() == {
        "bundles": {
            "predict --bundle", "report --bundle", "info --bundle", "serve --bundle", "gradio --bundle",
            "streamlit --bundle", "export model bundle_argument", "export model --bundle", "card bundle",
            "audit --bundle", "bench inference --bundle",
            "calibrate --bundle", "calibrate --from", "data masks --bundle", "predict --population",
            "report --population", "watch --bundle", "watch --population", "batch --bundle",
            "batch --population",
        },
        "points": {
            "predict --operating-point", "report --operating-point", "watch --operating-point",
            "batch --operating-point",
        },
        "recipes": {"train recipe", "bench train recipe"},
        "modes": {"predict --explain", "report --explain", "watch --explain", "batch --explain"},
    }  # fmt: skip
