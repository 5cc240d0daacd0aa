"""Sizes and habits of the code, and a file of tests for every module."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

import architecture
import house

MODULE_LINES, FUNCTION_LINES, MEDIAN_LINES, RECORD_FIELDS = 400, 60, 150, 5

# Modules whose tests have another name than theirs, and why or where.
TESTED_BY: dict[str, str] = {
    "__main__": "cli/test_cli_main.py",
    "apps.gradio_app": "apps/test_gradio.py",
    "apps.streamlit_app": "apps/test_streamlit.py",
    "errors.bundles": "test_errors.py",
    "errors.films": "test_errors.py",
    "errors.jobs": "test_errors.py",
    "errors.operation": "test_errors.py",
    "errors.root": "test_errors.py",
    "errors.training": "test_errors.py",
    "evidence.audit.results": "evidence/audit/test_audit.py",
    "evidence.evaluation.annotations": "evidence/evaluation/test_localisation.py",
    "evidence.evaluation.evaluated_films": "evidence/evaluation/test_evaluate.py",
    "evidence.evaluation.localisation_results": "evidence/evaluation/test_localisation.py",
    "evidence.evaluation.results": "evidence/evaluation/test_evaluate.py",
    "evidence.evaluation.section_results": "evidence/evaluation/test_evaluate.py",
    "evidence.evaluation.target_results": "evidence/evaluation/test_evaluate.py",
    "evidence.evaluation.verdict_results": "evidence/evaluation/test_verdict_figures.py",
    "evidence.report.audit.page_style": "evidence/audit/test_audit_page.py",
    "evidence.report.checklists.answers": "evidence/report/test_checklists.py",
    "evidence.report.checklists.facts": "evidence/report/test_checklists.py",
    "evidence.report.checklists.items": "evidence/report/test_checklists.py",
    "evidence.site.results": "evidence/site/test_calibrate.py",
    "images.archive_errors": "images/test_zip_archives.py",
    "pacs.errors": "pacs/test_intake.py",
    "jobs.migrations.versions.r0001_first_version": "jobs/test_migrations.py",
    "jobs.migrations.versions.r0002_priority_study_key_deliveries": "jobs/test_migrations.py",
    "jobs.migrations.versions.r0003_lung_field": "jobs/test_migrations.py",
    "jobs.migrations.versions.r0004_generations_of_accounts": "jobs/test_migrations.py",
    "jobs.migrations.versions.r0005_audit_anchor_and_clock": "jobs/test_migrations.py",
    "pacs.destinations.associations": "pacs/test_destinations_c_store.py",
    "pacs.destinations.commitment": "pacs/test_destinations_c_store.py",
    "pacs.destinations.errors": "pacs/test_destinations_c_store.py",
    "pacs.pull.dicomweb": "pacs/test_pull_sources.py",
    "pacs.pull.orthanc": "pacs/test_pull_sources.py",
    "pacs.destinations.toml_table": "pacs/test_destinations_settings.py",
    "jobs.migrations.versions.r0006_received_files": "jobs/test_migrations.py",
    "jobs.migrations.versions.r0007_when_deliveries_were_given_up": "jobs/test_migrations.py",
    "jobs.migrations.versions.r0008_wrong_codes": "jobs/test_migrations.py",
    "serve.security.audit_setup": "audit_log/test_audit_forwarding.py",
    "audit_log.line_files": "audit_log/test_audit_log.py",
    "audit_log.command_user": "cli/test_cli_user.py",
    "audit_log.copies": "serve/test_restore.py",
    "audit_log.lines": "audit_log/test_audit_log.py",
    "train.leaderboard.page": "train/test_leaderboard.py",
    "train.leaderboard.rows": "train/test_leaderboard.py",
    "train.leaderboard.runs": "train/test_leaderboard.py",
    "serve.admin.administration": "cli/test_cli_user.py",
    "serve.routes.common": "serve/test_matrix.py",
    "serve.routes.model": "serve/test_capabilities.py",
    "serve.routes.schemas": "serve/test_openapi.py",
    "serve.security.audit_trail": "audit_log/test_audit_log.py",
    "serve.security.refusals": "serve/test_admission.py",
    "serve.security.state": "serve/test_throttle.py",
    "train.formats.onnx_node": "train/formats/test_from_onnx.py",
    "train.formats.operators.arithmetic": "train/formats/test_operators.py",
    "train.formats.operators.layers": "train/formats/test_operators.py",
    "train.formats.operators.shapes": "train/formats/test_operators.py",
}


SOURCES = house.sources()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_no_module_is_long() -> None:
    assert {house.name(p) for p in SOURCES if house.lines(p) > MODULE_LINES} == set()


def test_no_script_or_style_of_a_page_is_long() -> None:
    files = [p for ending in ("js", "css") for p in house.SOURCE.rglob(f"*.{ending}")]
    assert len(files) > 100
    assert {house.name(p) for p in files if house.lines(p) > MODULE_LINES} == set()


def test_a_long_function_has_its_reason_above_it() -> None:
    long = {
        f"{house.name(path)}:{function.name}"
        for path in SOURCES
        for function in house.long_functions(text_of(path), FUNCTION_LINES)
        if not function.explained
    }
    assert long == set()


def test_half_of_the_modules_are_short() -> None:
    median = statistics.median(house.lines(path) for path in house.SOURCE.rglob("*.py"))
    assert median <= MEDIAN_LINES


def test_records_of_many_fields_are_built_with_keywords() -> None:
    codes = {house.module_name(path): text_of(path) for path in SOURCES}
    assert house.positional_records(codes, RECORD_FIELDS) == []


def test_no_import_circle() -> None:
    assert architecture.cycles() == []


def test_names_say_what_they_hold() -> None:
    others = (path for part in (house.TESTS, house.BENCHMARKS) for path in part.rglob("*.py"))
    checked = {*SOURCES, *others} - {Path(__file__)}  # the lines of the next test are vague
    assert {house.name(p) for p in checked if house.VAGUE.search(text_of(p))} == set()


def test_code_that_reads_films_names_no_kind_and_no_data_set() -> None:
    """Those of a bundle are in its `bundle.json`, as the name of its positive verdict is."""
    named = re.compile(
        r"kermany|\b(?:bacterial|viral|pneumonia|tuberculosis|covid|children)\b", re.IGNORECASE
    )
    readers = (
        *("ai_results", "apps", "batch", "client", "decision", "jobs", "pacs", "render", "runtime"),
        *("cli/read", "cli/serve", "serve", "watch", "web"),
    )
    files = [path for part in readers for path in (house.SOURCE / part).rglob("*.py")]
    assert len(files) > 200
    assert {
        house.name(path).removeprefix("src/pneumoscope/")
        for path in files
        if any(map(named.search, house.texts(text_of(path))))
    } == {
        "ai_results/codes.py",  # codes of SNOMED CT by the names of classes
        "serve/routes/schemas.py",  # the example of the API document
        "serve/security/passwords.py",  # what is easily guessed here
    }


def test_no_two_test_files_have_one_name() -> None:
    """Pytest imports them by their name alone."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_tests_of_the_page_wait_for_a_state() -> None:
    """The answer of `is_hidden` and its like is that of one moment; `expect` waits."""
    asked = re.compile(r"\.is_(checked|disabled|editable|enabled|hidden|visible)\(\)")
    tests = Path(__file__).parent.rglob("*.py")
    assert [path.name for path in tests if asked.search(text_of(path))] == []


@pytest.mark.parametrize(
    ("line", "vague"),
    [
        ("    found = []", True),
        ("told: dict[str, int] = {}", True),
        ("first, own = pair", True),
        ("for one in films:", True),
        ("total = sum(own for i, own in pairs)", True),
        ("_OWN: Path = folder", True),
        ("    if found := difference(a, b):", True),
        ("def read(film: Path, found: bool) -> None:", True),
        ("        self._own: Path | None = None", True),
        ("async def one(film: Path) -> None:", True),
        ("# Of each class one film is held out.", False),
        ("founder = 1", False),
        ("def own_code(name: str) -> Code:", False),
        ("films.found = 1", False),
        ("run(found=1)", False),
        ("for film in own_films:", False),
    ],
)
def test_vague_names_by_hand(line: str, vague: bool) -> None:
    assert bool(house.VAGUE.search(f"x = 1\n{line}\n")) == vague


def test_texts_by_hand() -> None:
    code = '''"""Of a module."""
LIMIT = 3
"""Of a constant."""
def run(name="a"):
    """Of a function."""
    return f"b {name}"
'''
    assert sorted(house.texts(code)) == ["a", "b "]


def test_long_functions_by_hand() -> None:
    code = """
def short():
    return 1

# Reads better in one piece.
@decorated
def explained():
    a = 1
    return a

class Box:
    def unexplained(self):
        a = 1
        return a
"""
    assert house.long_functions(code, 2) == [
        house.LongFunction("explained", 3, explained=True),
        house.LongFunction("unexplained", 3, explained=False),
    ]


def test_records_by_position_by_hand() -> None:
    codes = {
        "pack": "from pack.shapes import Box\n",
        "pack.shapes": (
            "import typing\n"
            "from dataclasses import dataclass\n"
            "@dataclass(frozen=True)\n"
            "class Box:\n"
            "    a: int\n"
            "    b: int\n"
            "    UNIT: ClassVar[int] = 1\n"
            "    @classmethod\n"
            "    def of(cls): return cls(1, 2)\n"
            "class Big(Box):\n"
            "    c: int\n"
            "class Pair(typing.NamedTuple):\n"
            "    a: int\n"
            "    b: int\n"
            "    c: int\n"
        ),
        "pack.use": (
            "import pack.shapes\n"
            "from pack import shapes\n"
            "from pack import Box as Small\n"
            "from other import Pair\n"
            "Small(1, 2)\n"  # two fields
            "shapes.Big(1, b=2, c=3)\n"
            "pack.shapes.Pair(*values)\n"
            "shapes.Pair(a=1, b=2, c=3)\n"
            "Pair(1, 2, 3)\n"  # somebody else's
        ),
    }
    three, two = (house.positional_records(codes, most) for most in (2, 1))
    assert three == [
        house.Positional("pack.use", 6, "Big"),
        house.Positional("pack.use", 7, "Pair"),
    ]
    assert two == [
        house.Positional("pack.shapes", 9, "Box"),
        house.Positional("pack.use", 5, "Box"),
        *three,
    ]


def words_of(name: str) -> set[str]:
    """``_data_check`` holds ``data`` and ``check``; a plural is its singular."""
    return {word.removesuffix("s") for word in re.split(r"[_.]", name) if word}


TEST_FILES = {path.stem.removeprefix("test_") for path in house.TESTS.rglob("test_*.py")}


def has_code(path: Path) -> bool:
    """Whether a file is more than a docstring and names that a folder passes on."""
    if path.name != "__init__.py":
        return True
    passed_on = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    return not all(isinstance(node, passed_on) for node in ast.parse(text_of(path)).body)


def test_every_module_has_tests_that_its_name_leads_to() -> None:
    """A test file is named for the module, with or without its folders' names before it."""
    for path in filter(has_code, architecture.modules()):
        module = architecture.module_name(path)
        last = words_of(module.rpartition(".")[2])
        named = [name for name in TEST_FILES if last <= words_of(name) <= words_of(module)]
        if module in TESTED_BY:
            # Another part of the package may have a test file of the same name.
            file = house.TESTS / TESTED_BY[module]
            assert file.is_file(), file
            assert file.stem.removeprefix("test_") not in named, f"{module} needs no entry"
        else:
            assert named, f"no tests/**/test_{module.rpartition('.')[2]}.py"
