"""What looks like a direct identifier, and where it is looked for."""

import pytest

from megdt_stream.verify.identifiers import REDACTED, identifiers, is_redaction, names_somebody

# GB 11643, annex: 11010519491231002X and 440524188001010014 are its examples; of the latter the century is too early.
WOMAN = "11010519491231002X"
OLD = "440524188001010014"


def _check_digit(first: str) -> str:
    """Compute as the standard says: the sum of a_i * 2^(i-1) over all eighteen is 1 modulo 11."""
    total = sum(int(digit) * 2 ** (18 - n) for n, digit in enumerate(first, 1))
    return "X" if (wanted := (1 - total) % 11) == 10 else str(wanted)


@pytest.mark.parametrize(
    "key",
    [
        "subject",
        "id",
        "source",
        "assessor",
        "supervisor",
        "person",
        "into",
        "from",
        "by",
        "rotation",
        "item",
        "session",
        "text",
        "note",
    ],
)
def test_identity_numbers_and_addresses_under_every_key(key):
    assert names_somebody({key: WOMAN})
    assert names_somebody({"data": {"x": [{key: {"deeper": ["a", f"身份证{WOMAN}。"]}}]}})
    assert names_somebody({key: "see a.b@example.org."})
    assert not names_somebody({key: "ROT-17"})


@pytest.mark.parametrize("key", ["instrument", "competency", "reason", "type", "Subject", "data"])
def test_other_keys_are_not_searched(key):
    assert not names_somebody({key: WOMAN})
    assert not names_somebody({"data": {key: [WOMAN, "a@b.cn", "13812345678"]}})


def test_names_of_members_and_numbers_are_no_strings():
    assert not names_somebody({"subject": {WOMAN: 13812345678}})


@pytest.mark.parametrize("first", ["11010519491231002", "11010520991231003", "99999919000101123", "53010220000229001"])
def test_the_check_digit_is_the_standards(first):
    right = _check_digit(first)
    assert names_somebody({"id": first + right})
    assert names_somebody({"id": first + right.lower()})
    assert not any(names_somebody({"id": first + wrong}) for wrong in set("0123456789X") - {right})


@pytest.mark.parametrize(
    "text",
    [
        OLD,
        "11010519490231002" + _check_digit("11010519490231002"),
        "11010521001231002" + _check_digit("11010521001231002"),
        "1" + WOMAN,
        WOMAN + "1",
        "a" + WOMAN,
        WOMAN + "X",
        WOMAN[:-1],
        "１１０１０５１９４９１２３１００２X",
    ],
)
def test_no_identity_number(text):
    assert not names_somebody({"text": text})


@pytest.mark.parametrize("text", [f"-{WOMAN}_", f"号{WOMAN}号", f"k1.{WOMAN}", f"{OLD} {WOMAN}"])
def test_an_identity_number_within(text):
    assert identifiers({"text": text}) == {WOMAN}


@pytest.mark.parametrize("text", ["a@b.cn", "x y.z+1@mail.example.org!", "张三zhang@h-1.edu.cn", "a@b@c.de", "%@a.bc"])
def test_addresses(text):
    assert names_somebody({"item": text})


@pytest.mark.parametrize(
    "text", ["a@b", "@b.cn", "a@b.c", "a@.cn", "a @b.cn", "a@b.1c", "三@b.cn", "a@b..cn", "a.b.cn"]
)
def test_no_addresses(text):
    assert not names_somebody({"item": text})


@pytest.mark.parametrize(
    "text", ["13812345678", "8613812345678", "+8619912345678", "k1.13812345678", "a.+8613812345678"]
)
def test_phone_numbers_of_persons(text):
    assert names_somebody({"assessor": text})
    assert not names_somebody({"id": text, "rotation": text, "source": text})


@pytest.mark.parametrize(
    "text",
    [
        "12812345678",
        "138123456789",
        "1381234567",
        "x13812345678",
        "k1.138-12345678",
        "K1.13812345678",
        "13812345678 ",
        "１３８１２３４５６７８",
        "008613812345678",
    ],
)
def test_no_phone_numbers_of_persons(text):
    assert not names_somebody({"assessor": text})


@pytest.mark.parametrize("text", ["打13812345678找我", "+8613812345678", "tel8613812345678x", "13812345678"])
def test_phone_numbers_in_prose(text):
    assert names_somebody({"note": text})
    assert names_somebody({"text": text})


@pytest.mark.parametrize("text", ["113812345678", "138123456780", "0013812345678", "138 1234 5678"])
def test_no_phone_numbers_in_prose(text):
    assert not names_somebody({"text": text})


def test_long_texts_take_no_time():
    assert not names_somebody({"text": "a" * 250_000 + "@" * 250 + "1" * 10_000 + "." * 250})


def test_a_redaction_has_everything_else():
    original = {"subject": "k1.a", "data": {"note": f"call {WOMAN}", "n": [1, 1.0, True, None], "instrument": "a@b.cn"}}
    redacted = {"subject": "k1.a", "data": {"note": REDACTED, "n": [1, 1.0, True, None], "instrument": "a@b.cn"}}
    assert is_redaction(original, redacted)
    assert is_redaction(original, redacted | {"data": redacted["data"] | {"instrument": REDACTED}})
    assert not is_redaction(original, original)
    assert not is_redaction(original, redacted | {"subject": REDACTED})
    assert not is_redaction(original, redacted | {"more": 1})
    for n in ([1, 1, True, None], [1, 1.0, 1, None], [1, 1.0, True]):
        assert not is_redaction(original, redacted | {"data": redacted["data"] | {"n": n}})
