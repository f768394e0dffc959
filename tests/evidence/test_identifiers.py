"""Direct identifiers do not pass, look-alikes do, and nothing of a refused one is repeated."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import identifiers, topics
from megdt_stream.evidence.intake import Accepted
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.evidence.reasons import Reason
from tests.evidence.samples import (
    DATA,
    REFERENCE,
    event,
    in_binary_mode,
    judge,
    named_events,
    reason,
    topic_of,
    with_data,
)

PERSONS = ("subject", "assessor", "supervisor", "person", "into", "from", "by")
TEXTS = ("text", "note")
OTHERS = ("id", "source", "rotation", "item", "session")


def checked(digits):
    """Write 17 digits with the check digit of GB 11643 behind."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


def number(region="110105", born="19491231", serial="002"):
    return checked(f"{region}{born}{serial}")


IDENTITY = number()
HELD = {
    "identity number": [
        *(IDENTITY, IDENTITY.lower(), number("999999"), number(born="20991231"), number(born="20000229")),
        *(
            f"p1.{IDENTITY}",
            f"病人{IDENTITY}号",
            f"-{IDENTITY}_",
            f" {IDENTITY}\n",
            f"{IDENTITY}/{IDENTITY}",
            f"１{IDENTITY}",
        ),
    ],
    "address": [
        "a@b.cn",
        "Zhang.San+x@mail.hospital.com.cn",
        "%_-@x-y.co",
        "见 a@b.cn。",
        "<a@b.cnn>",
        "a@b.c.dd",
        "a@b@c.de",
    ],
}
PHONES = ["13812345678", "19912345678", "8613812345678", "+8613812345678"]
NO_IDENTIFIER = [
    *(IDENTITY[:-1] + "0", IDENTITY[:-1], f"1{IDENTITY}", f"{IDENTITY}1", f"a{IDENTITY}", f"{IDENTITY}b"),
    *(number(born="19491331"), number(born="19490230"), number(born="18991231"), number(born="21000101")),
    *(number(born="19000229"), "0" * 18, "110105 19491231 002X", "１１０１０５１９４９１２３１００２Ｘ"),
    *("a@b", "a@b.c", "@b.cn", "a@.cn", "a@b..cn", "a@b.1n", "a@张.cn", "mini-cex@1", "a @b.cn", "文@b.cn"),
    *(
        "p1.abcdefghijklmnopabcdefghijklmnop",
        "0af7651916cd43dd8448eb211c80319c",
        "7f3e6a52-93d5-4c38-9a55-0d4a3b1c2d3e",
    ),
]
NO_PHONE = [
    "12812345678",
    "1381234567",
    "138123456789",
    "013812345678",
    "86 13812345678",
    "+86-13812345678",
    "1-381-234-5678",
]


def held(name, text):
    """Give the reason for an event that holds a text under a name nobody else uses, deep inside."""
    return reason(event(data={**DATA["assessment.recorded"][1], "more": [{name: {"deep": [0, text]}}]}))


@pytest.mark.parametrize("name", [*PERSONS, *TEXTS, *OTHERS])
def test_numbers_and_addresses_pass_under_no_key(name):
    for text in [*HELD["identity number"], *HELD["address"]]:
        assert held(name, text) == "direct_identifier", text
    assert [text for text in NO_IDENTIFIER if held(name, text) != ""] == []


@pytest.mark.parametrize("name", PERSONS)
def test_a_whole_phone_number_is_no_person(name):
    for text in [*PHONES, *(f"k1.{phone}" for phone in PHONES)]:
        assert held(name, text) == "direct_identifier", text
    inside = [
        *(f"{phone}x" for phone in PHONES),
        *(f"a{phone}" for phone in PHONES),
        "K1.13812345678",
        "k1.x13812345678",
    ]
    assert [text for text in [*NO_PHONE, *inside] if held(name, text) != ""] == []


@pytest.mark.parametrize("name", TEXTS)
def test_no_phone_number_stands_in_text(name):
    for phone in PHONES:
        for text in (phone, f"电话{phone}。", f"call {phone}, now", f"x{phone}x", f"k1.{phone}"):
            assert held(name, text) == "direct_identifier", text
    assert [text for text in NO_PHONE[:4] if held(name, text) != ""] == []


@pytest.mark.parametrize("name", OTHERS)
def test_elsewhere_a_phone_number_is_a_number(name):
    assert [phone for phone in PHONES if held(name, phone) != ""] == []


@pytest.mark.parametrize("name", ["data", "scale", "base", "reason", "on", "remark", "Subject", "texts", "x-by"])
def test_other_keys_are_not_searched(name):
    for text in [*HELD["identity number"], *HELD["address"], *PHONES]:
        assert held(name, text) == "", text


def test_the_keys_around_count_together():
    assert (
        reason(event(x=1, data={**DATA["assessment.recorded"][1], "note": {"by": "k1.13812345678"}}))
        == "direct_identifier"
    )
    assert (
        reason(event(data={**DATA["assessment.recorded"][1], "by": {"note": "x 13812345678"}})) == "direct_identifier"
    )


FIELDS = [
    ("assessment.recorded", "assessor", "k1.13812345678"),
    ("assessment.recorded", "rotation", "a@b.cn"),
    ("assessment.recorded", "item", IDENTITY),
    ("feedback.recorded", "text", "打 13812345678 找我"),
    ("feedback.recorded", "text", f"身份证{IDENTITY}"),
    ("rotation.planned", "supervisor", "a@b.cn"),
    ("rotation.planned", "expects", [{"instrument": "x", "item": "a@b.cn", "due": "2025-11-03T00:00:00Z"}]),
    ("exposure.recorded", "item", "a@b.cn"),
    ("teaching.attended", "session", IDENTITY),
    ("identity.linked", "person", "13812345678"),
    ("identity.merged", "into", "k1.13812345678"),
    ("identity.unmerged", "from", "k1.13812345678"),
    ("decision.made", "by", f"k1.{IDENTITY}"),
    ("decision.made", "note", "a@b.cn"),
]


@pytest.mark.parametrize(("name", "field", "text"), FIELDS)
def test_fields_of_the_contract(name, field, text):
    decision = judge(with_data(name, **{field: text}), topic_of(name))
    assert decision.reason is Reason.DIRECT_IDENTIFIER
    assert decision.path.startswith(f"/data/{field}")


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        *(("id", text) for text in (IDENTITY, f"x-{IDENTITY}", "a@b.cn")),
        *(("source", text) for text in ("mailto:a@b.cn", f"/a/{IDENTITY}")),
        *(("subject", text) for text in (f"k1.{IDENTITY}", "k1.13812345678", "13812345678", "a@b.cn", IDENTITY)),
        *((name, "a@b.cn") for name in ("by", "note", "item")),
    ],
)
def test_attributes(attribute, text):
    whole = event(**{attribute: text})
    value, headers = in_binary_mode(whole)
    for decision in (judge(whole), judge(value, headers=headers)):
        assert (decision.reason, decision.path) == (Reason.DIRECT_IDENTIFIER, f"/{attribute}")


@pytest.mark.parametrize("text", ["13812345678", "1381234567890123", "urn:tms:13812345678"])
def test_a_number_may_be_an_id(text):
    assert reason(event(id=text, source=f"/{text}")) == ""


# --- spelled otherwise -------------------------------------------------------------------------------------------


def escaped(text):
    return "".join(f"\\u{ord(character):04x}" for character in text)


@pytest.mark.parametrize("text", [IDENTITY, "a@b.cn", "13812345678"])
def test_escapes_hide_nothing(text):
    raw = json.dumps(event(subject="@@")).encode()
    for spelled in (escaped(text), text[:3] + escaped(text[3]) + text[4:]):
        assert reason(raw.replace(b'"@@"', f'"{spelled}"'.encode())) == "direct_identifier"
    keyed = raw.replace(b'"subject"', b'"\\u0073ubject"').replace(b"@@", text.encode())
    assert reason(keyed) == "direct_identifier"


def test_a_name_is_not_searched_and_the_last_of_two_counts():
    assert reason(event(data={**DATA["assessment.recorded"][1], "note": {"a@b.cn": 1}})) == ""
    raw = json.dumps(event()).encode()
    assert reason(raw[:-1] + b',"subject":"a@b.cn"}') == "direct_identifier"
    assert reason(b'{"subject":"a@b.cn",' + raw[1:]) == ""


# --- what is kept of it ------------------------------------------------------------------------------------------

SECRETS = [IDENTITY, "13812345678", "zhang.san@hospital.cn"]
places = st.recursive(
    st.one_of(
        st.sampled_from([*SECRETS, *(f"见 {text}，" for text in SECRETS)]), st.integers(0, 9), st.text(max_size=3)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*PERSONS, *TEXTS, *OTHERS, "remark", "张三"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(places, st.booleans())
def test_nothing_of_it_is_repeated(more, binary):
    whole = event(subject="k1.13812345678", data={"张三": more, "text": SECRETS[2]}, more=more)
    if binary:
        value, headers = in_binary_mode({**whole, "more": "x"})
        decision = judge(value, headers=headers)
        whole = whole["data"]
    else:
        decision = judge(whole)
    assert decision.reason is Reason.DIRECT_IDENTIFIER
    kept = decision.redacted.decode()
    for secret in SECRETS:
        assert secret not in decision.detail + decision.path + kept
    assert "张三" not in decision.detail + decision.path
    assert json.loads(kept) == identifiers.redact(whole)
    assert _shape(json.loads(kept)) == _shape(whole)


def _shape(value):
    if isinstance(value, dict):
        return {name: _shape(inner) for name, inner in value.items()}
    return [_shape(inner) for inner in value] if isinstance(value, list) else type(value)


def test_what_is_kept_is_the_payload_without_identifiers():
    whole = event(subject="a@b.cn", x=1, remark="打 13812345678", data={"note": IDENTITY, "ok": ["x", 1.5, None]})
    kept = {
        **whole,
        "subject": "[redacted]",
        "remark": "[redacted]",
        "data": {"note": "[redacted]", "ok": ["x", 1.5, None]},
    }
    assert json.loads(judge(whole).redacted) == kept
    value, headers = in_binary_mode(event(subject="a@b.cn"))
    assert json.loads(judge(value, headers=headers).redacted) == DATA["assessment.recorded"][1]
    assert judge(b"", headers=headers).redacted == b""


def test_other_rejections_keep_their_payload():
    assert judge(event(type="x")).redacted is None
    assert judge(b"a@b.cn").redacted is None


def test_a_path_names_nothing_of_the_publishers_own():
    assert judge(event(data={"张三": {"note": "a@b.cn"}})).path == "/data"
    assert judge(event(data={"scores": [0, {"by": ["x", "a@b.cn"]}]})).path == "/data/scores/1/by/1"


# --- pseudonyms --------------------------------------------------------------------------------------------------


@given(st.text(min_size=1).filter(str.strip), st.binary(min_size=16, max_size=40))
def test_no_pseudonym_looks_like_an_identifier(name, key):
    pseudonym = Pseudonymiser(key).of(name)
    assert isinstance(judge(event(subject=pseudonym)), Accepted)
    assert identifiers.find({"subject": pseudonym, "note": pseudonym}) is None


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.from_regex(r"\A[0-9]{9}\Z"))
def test_every_identity_number_is_found(born, rest):
    text = number(rest[:6], f"{born:%Y%m%d}", rest[6:])
    assert identifiers.find({"id": f"x/{text}"}).what == "an identity number"
    others = [text[:-1] + other for other in "0123456789X" if other != text[-1]]
    assert [other for other in others if identifiers.find({"id": other}) is not None] == []


@given(named_events)
def test_ordinary_events_hold_none(named):
    assert identifiers.find(named[1]) is None
    assert identifiers.redact(named[1]) == named[1]


def test_competencies_and_scales_are_none():
    assert identifiers.redact([*REFERENCE.competencies, *REFERENCE.scales]) == [
        *REFERENCE.competencies,
        *REFERENCE.scales,
    ]
    assert reason(event(), topics.ASSESSMENTS) == ""
