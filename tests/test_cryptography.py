"""The inventory of cryptography (docs/reference/cryptography.md) names all that the source uses."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "pneumoscope"
PAGE = (ROOT / "docs" / "reference" / "cryptography.md").read_text(encoding="utf-8")
LIBRARIES = {"hmac", "secrets", "ssl", "argon2", "cryptography"}
ALLOWED = {"sha256", "file_digest"}


@cache
def modules() -> dict[str, ast.Module]:
    """Syntax trees of all modules that can use cryptography."""
    texts = {path: path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}
    words = (*LIBRARIES, "hashlib")
    return {
        str(path.relative_to(SOURCE)): ast.parse(text)
        for path, text in texts.items()
        if any(word in text for word in words)
    }


def imported(tree: ast.Module) -> set[str]:
    """The top-level names of what is imported at run time."""
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_every_module_that_uses_cryptography_is_in_the_inventory() -> None:
    named = set(re.findall(r"^\| `([\w/]+\.py)` \|", PAGE, re.MULTILINE))
    using = {name for name, tree in modules().items() if imported(tree) & LIBRARIES}
    assert len(using) > 10
    assert using == named


def test_hashes_are_sha_256_except_in_one_time_codes() -> None:
    hashes = {
        name: {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "hashlib"
        }
        for name, tree in modules().items()
    }
    other = {name: used - ALLOWED for name, used in hashes.items() if used - ALLOWED}
    assert other == {"serve/security/second_factor.py": {"sha1"}}
    digests = {
        node.args[1].value
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "hashlib.file_digest"
        and isinstance(node.args[1], ast.Constant)
    }
    assert digests == {"sha256"}


def test_the_inventory_says_how_passwords_are_hashed() -> None:
    from argon2 import PasswordHasher

    hasher = PasswordHasher()
    assert (hasher.memory_cost, hasher.time_cost, hasher.parallelism) == (64 * 1024, 3, 4)
    assert hasher.type.name == "ID"
    assert "argon2id, 64 MiB, 3 passes, 4 lanes" in PAGE
