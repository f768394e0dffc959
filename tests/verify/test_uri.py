"""URI references by RFC 3986 and the media type of JSON, from the examples of the standards."""

import pytest

from megdt_stream.verify.uri import is_batch_type, is_json_type, is_uri_reference

# RFC 3986, sections 1.1.2 and 5.4.1.
STANDARD = [
    "ftp://ftp.is.co.za/rfc/rfc1808.txt",
    "http://www.ietf.org/rfc/rfc2396.txt",
    "ldap://[2001:db8::7]/c=GB?objectClass?one",
    "mailto:John.Doe@example.com",
    "news:comp.infosystems.www.servers.unix",
    "tel:+1-816-555-1212",
    "telnet://192.0.2.16:80/",
    "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
    "g:h",
    "g",
    "./g",
    "g/",
    "/g",
    "//g",
    "?y",
    "g?y",
    "#s",
    "g#s",
    "g?y#s",
    ";x",
    "g;x",
    "g;x?y#s",
    "",
    ".",
    "./",
    "..",
    "../",
    "../g",
    "../..",
]


@pytest.mark.parametrize(
    "text",
    [
        *STANDARD,
        "/hospital-a/ehr",
        "a:",
        "//",
        "///",
        "//user:pw@host:80/p",
        "//host:",
        "//[v1.x:y]/",
        "//[::ffff:1.2.3.4]:80",
        "%E5%8C%BB",
        "./a:b",
        "a/b:c",
        "?a/b?c",
        "x:%41//y",
    ],
)
def test_is_a_reference(text):
    assert is_uri_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "医院",
        "a b",
        "a\n",
        "%",
        "%4",
        "%zz",
        "1a:b",
        ":a",
        "a^b",
        "a|b",
        "a`b",
        "{a}",
        "a\\b",
        '"a"',
        "<a>",
        "#a#b",
        "[a]",
        "//[::1",
        "//[zz]/",
        "//[fe80::1%25eth0]/",
        "//[1.2.3.4]",
        "//[]",
        "//h:8a/",
        "//a@b@c",
        "x://[v.1]",
        "/a[1]",
        "%ｅ5%8C",
    ],
)
def test_is_no_reference(text):
    assert not is_uri_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        'application/json;a="b;\\"c"',
        "application/json ; a=b ; c=d",
        "application/json;",
    ],
)
def test_is_json(text):
    assert is_json_type(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "application/xml",
        "application/jsonx",
        "application/cloudevents+json",
        "text/json",
        "application/json charset=utf-8",
        "application/json; charset",
        "application/json;a=b c",
        " application/json",
        "application/json\n",
        'application/json;a="b',
    ],
)
def test_is_not_json(text):
    assert not is_json_type(text)


def test_a_batch_by_its_type():
    assert is_batch_type("Application/CloudEvents-Batch+JSON ; charset=utf-8")
    assert not is_batch_type("application/cloudevents+json")
