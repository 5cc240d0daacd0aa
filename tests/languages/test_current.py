from __future__ import annotations

import asyncio

import pytest

from pneumoscope.languages.current import current, preferred, speaking


def test_english_unless_another_is_said() -> None:
    assert current() == "en"
    with speaking("de"):
        assert current() == "de"
        with speaking("en"):
            assert current() == "en"
        assert current() == "de"
    assert current() == "en"


def test_the_former_language_returns_after_an_error() -> None:
    with pytest.raises(RuntimeError), speaking("de"):
        raise RuntimeError
    assert current() == "en"


def test_a_language_without_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="'fr'"), speaking("fr"):
        pass


def test_tasks_have_a_language_each() -> None:
    async def answer(language: str) -> str:
        with speaking(language):
            await asyncio.sleep(0)
            return current()

    async def both() -> list[str]:
        return list(await asyncio.gather(answer("de"), answer("en")))

    assert asyncio.run(both()) == ["de", "en"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at, en;q=0.5", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr-FR, fr;q=0.9, de;q=0.5, en;q=0.4", "de"),
        ("de;q=0.3, en;q=0.8", "en"),
        ("en, de", "en"),
        ("de, en", "de"),
        ("de;q=0", "en"),
        ("de;q=high, en;q=0.1", "en"),
        ("fr, *", "en"),
        ("deu", "en"),
    ],
)
def test_the_preferred_language_by_hand(header: str, language: str) -> None:
    assert preferred(header) == language
