"""Which passwords are refused."""

from __future__ import annotations

import pytest

from pneumoscope.errors import AccountError
from pneumoscope.serve.security.passwords import check_password, normalised

BREACHED = """
1q2w3e4r5t6y7u8i
1qaz2wsx3edc4rfv
!QAZ2wsx#EDC4rfv
zaq12wsxcde34rfv
qazwsxedcrfvtgb
qwertyuiopasdfghjkl
asdfghjkl;'asdfghjkl
1234567890qwertyuiop
passwordpassword
Password12345!!!
P@ssw0rdP@ssw0rd
administrator123
letmeinletmein1
changeme changeme
iloveyou1234567
iloveyousomuch123
thequickbrownfox
thisismypassword
correct horse battery staple
supercalifragilisticexpialidocious
abcdefghijklmnop
football football football
Summer2024Winter
unbelievable2020
monkey-dragon-2019
polniypizdec0211
""".strip().split("\n")
"""Common or breached passwords of 15 characters or more, or made of such ones."""
STRONG = """
four quiet herons waiting
a walk along the river
vocal-lamp-tundra-bishop
xk4jq9zmv2wq8rtb
vier stille Reiher
\u043f\u044f\u0442\u044c \u0442\u0438\u0445\u0438\u0445 \u0446\u0430\u043f\u0435\u043b\u044c
""".strip().split("\n")


@pytest.mark.parametrize("password", BREACHED)
def test_common_and_breached_passwords_are_refused(password: str) -> None:
    with pytest.raises(AccountError, match="too easy to guess") as refused:
        check_password("lee", password)
    assert "A few words" in refused.value.hint


@pytest.mark.parametrize("password", STRONG)
def test_a_few_words_and_random_letters_are_taken(password: str) -> None:
    assert check_password("lee", password) == normalised(password)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("dr.schneider", "schneider123456"),
        ("dr.schneider", "redienhcs2024radiology"),  # backwards
        ("dr.schneider", "my schneider 2025"),
        ("kim", "hospital-radiology-1"),
    ],
)
def test_passwords_made_of_the_name_or_the_service_are_refused(name: str, password: str) -> None:
    with pytest.raises(AccountError, match="too easy to guess"):
        check_password(name, password)


def test_a_short_name_forbids_no_good_password() -> None:
    assert check_password("a", "a walk along the river")


@pytest.mark.parametrize("password", ["four quiet\x00 herons", "four quiet\ud800 herons"])
def test_a_password_that_no_keyboard_types_is_refused(password: str) -> None:
    with pytest.raises(AccountError, match="control character"):
        check_password("lee", password)
