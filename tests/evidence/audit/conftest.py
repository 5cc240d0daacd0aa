from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from film_sets import Film
    from pneumoscope.bundle import Bundle
    from pneumoscope.evidence.audit.results import Audit


@pytest.fixture(scope="session")
def forty() -> list[Film]:
    pytest.importorskip("cv2", reason="needs the [train] extra")
    from film_sets import chests

    return chests(40)


@pytest.fixture(scope="session")
def plain(
    forty: list[Film], tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Audit:
    """Forty films without patient keys, all saved in one way."""
    pytest.importorskip("sklearn", reason="needs the [train] extra")
    from film_sets import folder
    from pneumoscope.evidence.audit.audit import audit

    root = tmp_path_factory.mktemp("plain") / "set"
    classes = {"normal": forty[0::2], "sick": forty[1::2]}
    return audit(folder(root, classes, {"normal": 90, "sick": 90}), tiny_bundle.path)


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of other findings: a hundred trees in each fold take most of an audit's time."""
    from pneumoscope.evidence.audit import shortcut_models

    monkeypatch.setattr(shortcut_models, "_TREES", 3)
