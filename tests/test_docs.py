"""What the documents say works, works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pneumoscope import bundle, errors
from pneumoscope.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(path: Path, language: str) -> list[str]:
    # Indented blocks belong to list items.
    text = path.read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    return tmp_path


SHELL = [
    (path, line)
    for path in DOCS
    for block in blocks(path, "sh")
    for line in block.splitlines()
    if line.strip()
]


@pytest.mark.parametrize(("path", "line"), SHELL, ids=[line for _, line in SHELL])
def test_shell_blocks_run(path: Path, line: str, workplace: Path) -> None:
    command = line.replace("pneumoscope ", f"{sys.executable} -m pneumoscope ", 1)
    done = subprocess.run(
        command, shell=True, cwd=workplace, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("code", blocks(ROOT / "README.md", "python"))
def test_python_blocks_run(code: str, workplace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=workplace, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "PNEUMONIA" in done.stdout


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
    page = (ROOT / "docs" / "reference" / "output.md").read_text(encoding="utf-8")
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


def test_figures_in_the_readme_are_the_bundles_own() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    validation = bundle.open_bundle().meta.validation
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
