"""Files as items: lines, documents, tables; encodings; what cannot be read is an item refused."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.errors import ConfigError
from megdt_stream.evidence.adapters import Item, Refused, caliper, fhir, xapi
from megdt_stream.evidence.adapters.table_mapping import TableFile
from megdt_stream.publisher.importing import csv_rows, json_items, site
from megdt_stream.publisher.importing.sources import Source, sources
from tests.adapters.samples import CALIPER, FHIR, XAPI


def held(content, name="f"):
    return Source(name, held=io.BytesIO(content))


def read(content, inside=xapi.inside):
    return list(json_items.entries(held(content), inside))


def dumped(values):
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values).encode()


@pytest.mark.parametrize(
    "content",
    [
        dumped(XAPI),
        b"\xef\xbb\xbf" + dumped(XAPI).replace(b"\n", b"\r\n\r\n"),
        json.dumps(XAPI).encode(),
        json.dumps(XAPI, indent=2).encode(),
        json.dumps({"statements": XAPI, "more": ""}, indent=1).encode(),
        dumped([{"statements": XAPI[:2]}, XAPI[2:]]),
        ("[\n" + ",\n".join(map(json.dumps, XAPI)) + "\n]\n").encode(),
        ('{"statements":[\n' + ",\n".join(map(json.dumps, XAPI)) + "\n]}\n").encode(),
    ],
    ids=[
        "lines",
        "bom-crlf-blanks",
        "list",
        "pretty-list",
        "result",
        "lines-of-containers",
        "list-by-lines",
        "by-lines",
    ],
)
def test_every_form_of_a_file_holds_the_same_statements(content):
    assert [entry.value for entry in read(content)] == XAPI


def test_one_statement_alone():
    for content in (json.dumps(XAPI[0]).encode(), json.dumps(XAPI[0], indent=4).encode() + b"\n"):
        assert read(content) == [Item(XAPI[0], "f")]


def test_places_lead_back_to_the_file():
    assert [entry.at for entry in read(dumped([XAPI[0], {"statements": XAPI[:2]}]))] == ["f:1", "f:2[0]", "f:2[1]"]


def test_envelopes_bundles_and_bundles_in_bundles():
    envelopes = json.dumps([{"sensor": "s", "data": CALIPER}, CALIPER[0]]).encode()
    assert [entry.value for entry in read(envelopes, caliper.inside)] == [*CALIPER, CALIPER[0]]
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Bundle", "entry": FHIR}}, FHIR[0]]}
    assert [entry.value for entry in read(json.dumps(bundle).encode(), fhir.inside)] == [*FHIR, FHIR[0]]


def test_an_empty_container_stands_for_itself():
    assert read(b'{"statements": []}') == [Item({"statements": []}, "f")]
    assert read(b" \n") == []


def test_broken_lines_are_refused_and_the_others_read():
    good = json.dumps(XAPI[0]).encode()
    for content, bad in (
        (b'{"x\n' + good + b"\n", "f:1"),
        (good + b"\n{'a': 1}\n" + good, "f:2"),
        (good + b"\n\xff", "f:2"),
    ):
        found = read(content)
        assert [entry.at for entry in found if isinstance(entry, Refused)] == [bad]
        assert {entry.reason for entry in found if isinstance(entry, Refused)} == {"undecodable"}
        assert all(entry.value == XAPI[0] for entry in found if isinstance(entry, Item))


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04", b'{"a": NaN}', b"<xml/>", b'{\n"a": 1,\n', b"[" * 100_000, "甲".encode("utf-16")]
)
def test_what_is_no_json_is_one_item_refused(content):
    [refused] = read(content)
    assert (refused.reason, refused.at) == ("undecodable", "f")


def test_a_large_item_is_refused_and_its_neighbours_are_not():
    large = {"resourceType": "Binary", "data": "x" * json_items.MAX_ITEM_BYTES}
    bundle = {"resourceType": "Bundle", "entry": [FHIR[0], large, FHIR[1]]}
    found = read(json.dumps(bundle).encode(), fhir.inside)
    assert [getattr(entry, "reason", None) for entry in found] == [None, "too_large", None]
    assert [getattr(entry, "reason", None) for entry in read(json.dumps(large).encode(), fhir.inside)] == ["too_large"]


def test_a_line_without_end_is_refused_unread(monkeypatch):
    monkeypatch.setattr(json_items, "_MAX_LINE", 1000)
    content = b'{"a": 1}\n{"b": "' + b"x" * 5000 + b'"}\n{"c": 1}\n'
    assert [getattr(entry, "reason", entry.at) for entry in read(content)] == ["f:1", "too_large", "f:3"]


def test_nesting_without_end_ends():
    assert len(read(b"[" * 900 + b"]" * 900)) == 1
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    assert len(read(deep + b" " * json_items.MAX_ITEM_BYTES)) == 1


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_to_their_end(content):
    assert all(isinstance(entry, Item | Refused) for entry in read(content))


# --- tables ---

ROWS = [["学号", "备注"], ["S1", "肺炎，左下"], ["S2", 'said "yes", then\nleft'], ["S3", ""]]


def written(encoding, delimiter=",", rows=ROWS):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def rows_of(content, **file):
    with csv_rows.table(held(content), TableFile(**file)) as table:
        return table.columns, list(table.rows), table.encoding


@pytest.mark.parametrize(
    ("encoding", "stated", "found"),
    [
        ("utf-8", "auto", "utf-8"),
        ("utf-8-sig", "auto", "utf-8-sig"),
        ("utf-16", "auto", "utf-16"),
        ("gb18030", "auto", "gb18030"),
        ("gbk", "auto", "gb18030"),
        ("gb18030", "gb18030", "gb18030"),
        ("big5", "big5", "big5"),
    ],
)
def test_encodings(encoding, stated, found):
    rows = [row[:] for row in ROWS]
    if encoding == "big5":
        rows[0], rows[1] = ["學號", "備註"], ["S1", "肺炎"]
    columns, entries, used = rows_of(written(encoding, rows=rows), encoding=stated)
    assert (columns, used) == (rows[0], found)
    assert [entry.value for entry in entries] == [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_bytes_that_are_no_text_refuse_their_row_alone():
    content = written("utf-8") + b"S4,\xff\xff\n" + "S5,好\n".encode()
    _, entries, _ = rows_of(content, encoding="utf-8")
    assert [getattr(entry, "reason", None) for entry in entries] == [None, None, None, "undecodable", None]
    assert entries[3].path == "备注"


@pytest.mark.parametrize("line", [b"S4\n", b"S4,a,b\n", b'S4,"a"b\n', b'S4,"never closed\n'])
def test_rows_that_do_not_fit_are_refused(line):
    _, entries, _ = rows_of(written("utf-8") + line)
    assert [getattr(entry, "reason", None) for entry in entries] == [None, None, None, "malformed"]


def test_a_row_too_large_is_refused_and_the_next_is_read():
    content = written("utf-8") + b"S4," + b"x" * (csv_rows.MAX_ROW + 10) + b"\nS5,y\n"
    _, entries, _ = rows_of(content)
    assert [getattr(entry, "reason", None) for entry in entries] == [None, None, None, "too_large", None]
    assert entries[-1].value == {"学号": "S5", "备注": "y"}


@pytest.mark.parametrize("content", [b"", b"a,a\n1,2\n", b",\n1,2\n"])
def test_a_first_row_that_names_no_columns(content):
    with pytest.raises(ConfigError):
        rows_of(content)


def test_an_encoding_that_is_none():
    with pytest.raises(ConfigError, match="is no encoding"):
        rows_of(b"a\n1\n", encoding="klingon")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_guessed_for_a_draft(delimiter):
    assert csv_rows.delimiter_of(held(written("gb18030", delimiter))) == delimiter


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_under_a_header_are_rows_or_refusals(content):
    _, entries, _ = rows_of(b"a,b\n" + content)
    assert all(isinstance(entry, Item | Refused) for entry in entries)


# --- places, zones, keys ---


def test_a_folder_is_read_in_order_and_deep(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/1.ndjson", "a.json", "z.JSON", "readme.txt"):
        (tmp_path / name).write_text("{}")
    with sources(str(tmp_path), json_items.SUFFIXES) as found:
        assert [source.name for source in found] == ["a.json", "b/1.ndjson", "z.JSON"]
    with pytest.raises(ConfigError, match="holds no file"), sources(str(tmp_path / "b"), (".csv",)):
        pass


@pytest.mark.parametrize(("name", "hours"), [("UTC", 0), ("+08:00", 8), ("-05:30", -5.5), ("Asia/Shanghai", 8)])
def test_zones(name, hours):
    from datetime import datetime

    assert datetime(2025, 1, 1, tzinfo=site.zone(name)).utcoffset().total_seconds() == hours * 3600


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "", "+25:00"])
def test_zones_that_are_none(name):
    with pytest.raises(ConfigError, match="there is no zone"):
        site.zone(name)


def test_keys(tmp_path):
    file = tmp_path / "k"
    file.write_text("ab" * 32)
    by_file = site.pseudonymiser(file, "k2", {}, dry_run=False)
    by_variable = site.pseudonymiser(None, "k2", {site.KEY: "ab" * 32}, dry_run=False)
    by_its_file = site.pseudonymiser(None, "k2", {site.KEY_FILE: str(file), site.KEY: "00"}, dry_run=False)
    assert by_file.of("S1") == by_variable.of("S1") == by_its_file.of("S1")
    assert site.pseudonymiser(None, "k2", {}, dry_run=True).prefix == "dryrun"
    with pytest.raises(ConfigError, match="megdt pseudonym new-key"):
        site.pseudonymiser(None, "k2", {}, dry_run=False)
    with pytest.raises(ConfigError) as told:
        site.pseudonymiser(None, "k2", {site.KEY: "5ec2e7-not-hex"}, dry_run=True)
    assert "5ec2e7" not in str(told.value)
