"""What the documents say works, works."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

import pytest

import architecture_drawing
import command_line
import pneumoscope
import readme_figures
import reference
import reference_cli
import reference_errors
import reference_rest
import shown_output
from architecture import LAYERS, arrows, summary
from pneumoscope import bundle, errors
from pneumoscope.bundle.names import DEFAULTS
from pneumoscope.cli.app import app
from pneumoscope.serve import problems
from trainings import exporting_here

ROOT = Path(__file__).parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TUTORIALS = ROOT / "docs" / "tutorial"
# Pages whose blocks build on one another.
IN_ORDER = [
    pytest.param(TUTORIALS / "connect-a-pacs.md", id="connect-a-pacs"),
    pytest.param(
        TUTORIALS / "train-and-compare.md",
        id="train-and-compare",
        marks=[
            pytest.mark.train,
            pytest.mark.slow,
            pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning"),
        ],
    ),
]


def blocks(path: Path, language: str) -> list[str]:
    # Indented blocks belong to list items.
    text = path.read_text(encoding="utf-8")
    indented = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in indented]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    return tmp_path


# Each line once: several pages show the same.
SHELL = dict.fromkeys(
    line
    for path in DOCS
    if path not in [parameter.values[0] for parameter in IN_ORDER]
    for block in blocks(path, "sh")
    for line in block.splitlines()
    if line.strip()
)


@pytest.mark.slow
@pytest.mark.parametrize("line", SHELL)
def test_shell_blocks_run(line: str, workplace: Path) -> None:
    assert run_line(line, workplace)


def run_here(
    line: str, folder: str | Path, terminal: Mapping[str, str] | None = None
) -> command_line.Done | None:
    """Runs a command line in this process; None if it is one for a shell."""
    words = shlex.split(line, comments=True)
    if words[0] != "pneumoscope" or set(line) & set("|<>&;$*"):
        return None
    settings = shown_output.environment()
    with contextlib.chdir(folder), mock.patch.dict(os.environ, settings, clear=True):
        return command_line.run(*words[1:], terminal=terminal)


def run_line(line: str, folder: Path) -> str:
    """What a line of a shell block prints on stdout."""
    if done := run_here(line, folder):
        assert done.returncode == 0, done.stderr
        return done.stdout
    command = line.replace("pneumoscope ", f"{sys.executable} -m pneumoscope ", 1)
    done = subprocess.run(
        command, shell=True, cwd=folder, env=shown_output.environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", IN_ORDER)
def test_a_tutorial_runs_from_top_to_bottom(path: Path, workplace: Path) -> None:
    text = path.read_text(encoding="utf-8")
    with contextlib.ExitStack() as stack:
        if path.name == "train-and-compare.md":
            pytest.importorskip("keras")
            stack.enter_context(exporting_here())
        run_blocks(text, workplace)


def run_blocks(text: str, workplace: Path) -> None:
    for language, code in re.findall(r"^```(sh|python|toml)\n(.*?)^```$", text, re.DOTALL | re.M):
        if language == "sh":
            for line in code.splitlines():
                assert run_line(line, workplace), line
            continue
        # A block that is a file names itself in its first line; any other is a program.
        first = re.match(r"# (\S+\.(?:py|toml))$", code.splitlines()[0])
        # A training of two epochs on half of the films takes the same steps.
        code = re.sub(r"(?m)^epochs = \d+$", "epochs = 2", code)
        code = code.replace("range(60)", "range(30)")
        file = workplace / (first[1] if first else "block.py")
        file.write_text(code, encoding="utf-8")
        if language == "python":
            assert run_line(f"{shlex.quote(sys.executable)} {file.name}", workplace)


@pytest.mark.slow
@pytest.mark.parametrize("page", shown_output.pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_output_that_is_shown_is_what_the_command_prints(page: Path) -> None:
    # `python tools/shown_output.py` writes it anew.
    def run(command: str, folder: str) -> tuple[str, str]:
        done = run_here(command, folder, shown_output.TERMINAL)
        return (done.stdout, done.stderr) if done else shown_output.in_terminal(command, folder)

    assert shown_output.written(page, run) == page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", reference.BLOCKS)
def test_the_reference_says_what_the_code_says(page: str) -> None:
    # `python tools/reference.py` writes it anew.
    assert reference.written(page) == (reference.DOCS / page).read_text(encoding="utf-8")


def test_an_argument_is_written_as_the_help_writes_it() -> None:
    assert "pneumoscope evaluate [OPTIONS] [BUNDLE]... DATA\n" in reference_cli.commands()


def test_a_default_is_spelt_as_the_api_takes_it() -> None:
    assert "`R5` by default." in reference_rest.routes()


def test_the_drawing_of_the_layers_is_up_to_date() -> None:
    # `python tools/architecture.py --draw` draws it anew.
    drawn = architecture_drawing.DRAWING.read_text(encoding="utf-8")
    assert drawn == architecture_drawing.svg()
    assert [part for part in LAYERS if f">{part}</text>" not in drawn] == []


def test_the_arrows_that_are_drawn_stand_for_all_imports() -> None:
    def all_below(graph: dict[str, set[str]]) -> set[tuple[str, str]]:
        pairs = {(part, other) for part, others in graph.items() for other in others}
        while more := {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs:
            pairs |= more
        return pairs

    imports = arrows()
    drawn = architecture_drawing.needed(imports)
    assert all_below(drawn) == all_below(imports)
    assert all(LAYERS[part] > LAYERS[other] for part, other in all_below(drawn))


def test_every_part_says_what_it_is_for() -> None:
    assert [part for part in LAYERS if not summary(part)] == []


def test_files_named_for_contributors_exist() -> None:
    page = ROOT / "docs" / "explanation" / "where-does-what-go.md"
    named = re.findall(r"`((?:src|docs|tools|tests)/[\w./-]+)`", page.read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_imports_named_in_documents_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    source = ROOT / "src"
    for name in re.findall(r"`([\w-][\w./-]*/[\w.-]+\.(?:py|toml|js|json|npz|css))`", text):
        places = (ROOT, source, source / "pneumoscope")
        assert any((place / name).exists() for place in places), name
    for code in blocks(path, "python"):
        for module, names in re.findall(r"^from (pneumoscope[\w.]*) import ([\w, ]+)$", code, re.M):
            folder = source.joinpath(*module.split("."))
            file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
            for name in names.split(", "):
                known = re.search(rf"\b{name}\b", file.read_text(encoding="utf-8"))
                assert known or (folder / f"{name}.py").exists() or (folder / name).is_dir(), name


def test_every_variable_is_documented() -> None:
    page = (reference.DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    assert [name for name in reference_cli.named_in_the_code() if f"`{name}`" not in page] == []


def test_types_of_problems_lead_to_their_codes() -> None:
    page = ROOT / problems.PAGE.partition("/blob/main/")[2]
    text = page.read_text(encoding="utf-8")
    kinds = [kind for kind in reference_errors.known() if reference_errors.status(kind)]
    assert len(kinds) > 20
    for kind in kinds:
        problem = problems.problem(errors.restored(kind, "", ""))
        anchor = problem["type"].rpartition("#")[2]
        assert f'<a id="{anchor}"></a>[`{problem["code"]}`]' in text


def test_errors_with_another_name_over_http_are_documented_with_it() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    for error in (errors.QueueFull(3), errors.DiskFull("film.dcm")):
        shown = type(problems.as_refusal(error))
        assert shown is reference_errors.UNDER_ANOTHER_NAME[type(error)]
        entry = page.partition(f"### `{error.code}`")[2].partition("\n#")[0]
        assert f"- Over HTTP: [`{shown.__name__}`]" in entry
        assert "HTTP status" not in entry


def test_every_key_of_a_prediction_is_documented(tmp_path: Path) -> None:
    page = (reference.DOCS / "reference" / "output.md").read_text(encoding="utf-8")
    table = page.partition("--json`")[2].partition("\n## ")[0]
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    done = run_here(
        "pneumoscope predict samples/pneumonia-3.dcm missing.png --json --heatmaps maps --occlusion odds",
        tmp_path,
    )
    assert done is not None
    keys = {key for record in json.loads(done.stdout)["results"] for key in record}
    assert {"label", "heatmap_file", "occlusion_file", "error"} < keys
    assert [key for key in keys if f"`{key}`" not in table] == []


OUTPUT = (reference.DOCS / "reference" / "output.md").read_text(encoding="utf-8")


def test_every_command_with_json_says_what_it_prints() -> None:
    named = {
        name
        for name, command in reference_cli.leaves()
        if any("--json" in param.opts for param in command.params)
    }
    assert len(named) > 40
    # `pacs` prints JSON of its checks only.
    said = {re.sub(r" --check$", "", n) for n in re.findall(r"`pneumoscope (.*?) --json`", OUTPUT)}
    assert sorted(named - said) == []


def test_every_key_of_the_commands_for_accounts_is_documented(tmp_path: Path) -> None:
    folder = tmp_path / "room"
    password = "a walk along the river\n"
    other = ("amy", "--password-stdin", "--role", "admin")  # the last account cannot be deleted
    assert command_line.run("user", "add", *other, "--folder", folder, stdin=password.encode())
    lines = {
        "user add": ("lee", "--password-stdin"),
        "user list": (),
        "user password": ("lee", "--password-stdin"),
        "user role": ("lee", "viewer"),
        "user totp": ("lee",),
        "token add": ("lee", "--for", "night"),
        "token list": (),
        "session list": (),
        "session end": ("--user", "lee"),
        "user disable": ("lee",),
        "user enable": ("lee",),
        "user delete": ("lee", "--yes"),
        "keys list": (),
        "keys rotate": (),
        "purge": ("--older-than", "0"),
        "audit-log verify": (),
        "backup": (tmp_path / "backup.zip",),
        "restore": (tmp_path / "backup.zip", "--check", "--key", folder / "key"),
    }
    rows = {
        n: row for row in OUTPUT.splitlines() for n in re.findall(r"pneumoscope (.*?) --json", row)
    }
    for name, arguments in lines.items():
        done = command_line.run(
            *name.split(), *arguments, "--folder", folder, "--json", stdin=password.encode()
        )
        assert done.returncode == 0, (name, done.stderr)
        printed = json.loads(done.stdout)
        for facts in printed if isinstance(printed, list) else [printed]:
            # A list of tokens has the keys of a new one.
            row = rows[name] + rows["token add"] if name == "token list" else rows[name]
            assert [key for key in facts if f"`{key}`" not in row] == [], name


def test_every_public_name_is_documented() -> None:
    page = (reference.DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    names = [name for name in pneumoscope.__all__ if name != "__version__"]
    assert re.findall(r"^::: pneumoscope\.(\w+)$", page, re.MULTILINE) != []
    assert sorted(re.findall(r"^::: pneumoscope\.(\w+)$", page, re.MULTILINE)) == sorted(names)


def command_lines(path: Path) -> Iterator[str]:
    """Command lines of a document, in blocks and within sentences."""
    text = path.read_text(encoding="utf-8")
    yield from reference_cli.command_lines(text)
    yield from re.findall(r"`(pneumoscope [a-z][^`\n]*)`", text)


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_and_options_in_documents_exist(path: Path) -> None:
    commands = dict(reference_cli.leaves())
    groups = {name.split()[0] for name in commands}
    for line in command_lines(path):
        words = line.split()[1:]
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in commands), None)
        assert name or words[0] in groups or words[0] == "--version", line
        if name:
            known = {
                option for p in commands[name].params for option in (*p.opts, *p.secondary_opts)
            }
            used = re.findall(r"(?<![\w-])--[a-z][a-z-]*", line.partition(" | ")[0])
            assert set(used) <= {*known, "--help"}, line


@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(list(ROOT.glob("docs/**/*.md")))
    loaded = re.compile(
        r"<(?:script|img|iframe|source)[^>]+src=\"?https?:|<link[^>]+stylesheet[^>]+https?:"
    )
    for page in pages:
        assert not loaded.search(page.read_text(encoding="utf-8")), page


PYTHON = [
    code
    for page in (
        ROOT / "README.md",
        ROOT / "docs" / "how-to" / "read-from-the-command-line.md",
        ROOT / "docs" / "reference" / "python.md",
    )
    for code in blocks(page, "python")
]


@pytest.mark.slow
@pytest.mark.parametrize("code", PYTHON)
def test_python_blocks_run(
    code: str, workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace)
    exec(compile(code, "block", "exec"), {"__name__": "__main__"})
    assert "PNEUMONIA" in capsys.readouterr().out


def test_every_command_is_documented() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS)
    commands = [("", command) for command in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        commands += [(f"{group.name} ", c) for c in group.typer_instance.registered_commands]
    for prefix, command in commands:
        name = command.name or getattr(command.callback, "__name__", "")
        assert f"pneumoscope {prefix}{name}" in text


def test_every_error_is_documented_and_drawn() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    leaves = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.PneumoscopeError)
    }
    for name in leaves:
        assert name in (errors.__doc__ or "")
    for name in leaves - {"PneumoscopeError", "ImageError", "BundleError"}:
        assert f"`{name}`" in page


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_figures_of_the_shipped_bundle_are_up_to_date() -> None:
    # `python tools/readme_figures.py` writes them anew.
    for page, text in readme_figures.pages().items():
        assert text == page.read_text(encoding="utf-8")


def test_figures_in_the_readme_are_the_bundles_own() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in DEFAULTS:
        validation = bundle.open_bundle(name).meta.validation
        for figure in (validation["plain"]["auc"], validation["worst"]["balanced_accuracy"]):
            assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in text


def test_no_registry_address_is_named() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    addresses = re.compile("|".join(("pypi" + r"\.org", "python" + r"hosted\.org")))
    for name in listed:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".json", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not addresses.search(text), name


def test_every_extra_is_installed_or_resolved_by_make() -> None:
    """Pins that do not fit an extra are noticed before its users notice them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {
        name for group in re.findall(r"'\.\[([\w,]+)\]'", makefile) for name in group.split(",")
    }
    assert named == project["optional-dependencies"].keys() - {"all"}


def test_constraints_are_plain_pins() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+]+", line), line


def test_samples_are_five_and_say_that_they_are_synthetic() -> None:
    assert sorted(p.name for p in (ROOT / "samples").iterdir()) == [
        "README.md", "normal-1.png", "normal-2.png", "pneumonia-1.png", "pneumonia-2.png",
        "pneumonia-3.dcm",
    ]  # fmt: skip
    assert "synthetic" in (ROOT / "README.md").read_text().lower()


def test_the_shipped_bundle_is_right_on_the_samples() -> None:
    import pneumoscope

    classifier = pneumoscope.load()
    for path in sorted((ROOT / "samples").glob("*-*")):
        expected = "NORMAL" if path.name.startswith("normal") else "PNEUMONIA"
        assert classifier.predict(path).label == expected, path.name
