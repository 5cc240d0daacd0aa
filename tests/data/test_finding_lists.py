from __future__ import annotations

import pytest

from pneumoscope.data.finding_lists import separator_of, words_of


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["No Finding", "Edema"], "|"),
        (["Edema|Mass", "a;b"], "|"),
        (["No Finding", "Edema;Mass, small"], ";"),
        (["Edema, Mass"], ","),
        (["['Edema', 'Mass']", '["a", "b"]'], "|"),
    ],
)
def test_what_separates_findings(cells: list[str], separator: str) -> None:
    assert separator_of(cells) == separator


@pytest.mark.parametrize(
    "text",
    ["Edema|Mass", "['Edema', 'Mass']", '["Edema", "Mass"]', "('Edema', 'Mass')", "{'Edema', 'Mass'}",
     "[Edema|Mass]", " Edema | Mass |"],
)  # fmt: skip
def test_lists_of_findings(text: str) -> None:
    assert words_of(text) == ("Edema", "Mass")


def test_other_lists_of_findings() -> None:
    assert words_of("Edema; Mass;", ";") == ("Edema", "Mass")
    assert words_of("('No Finding',)") == ("No Finding",)
    assert words_of("[]") == ()
    assert words_of("(left) Mass") == ("(left) Mass",)
    assert words_of("(suspected)") == ("(suspected)",)
