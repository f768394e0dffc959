"""Files of ratings as people have them, and errors that name the place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evaluate.ratings import BadRatings, Ratings, parse, read


def parsed(text):
    return parse(text.splitlines(keepends=True))


def rows(ratings):
    return list(zip(ratings.rater, ratings.subject, ratings.item, ratings.score, strict=True))


def test_columns_are_found_by_name_in_any_order_among_others():
    ratings = parsed("note,Score, subject ,RATER\nx,3.5,u,a\ny,4,v,b\n")
    assert rows(ratings) == [("a", "u", None, 3.5), ("b", "v", None, 4.0)]


def test_quotes_chinese_names_a_byte_order_mark_and_windows_line_ends(tmp_path):
    file = tmp_path / "评分.csv"
    file.write_bytes('\ufeffrater,subject,item,score\r\n"李, 主任",张三,病历 1,4\r\n"a ""b""","u\nv",,2\r\n'.encode())
    assert rows(read(str(file))) == [("李, 主任", "张三", "病历 1", 4.0), ('a "b"', "u\nv", None, 2.0)]


def test_rows_without_a_score_are_counted_and_empty_lines_are_nothing():
    ratings = parsed("rater,subject,score\na,u,\n\na,v,3\nb,u, \n")
    assert (len(ratings), ratings.skipped) == (1, 2)


@pytest.mark.parametrize(
    "times",
    [
        ("3", "1e0", "1", "2.5"),
        ("2024-03-01", "2024-01-01", "2024-01-01", "2024-02-29"),
        ("2024-01-01T12:00:00Z", "2024-01-01T13:00:00+08:00", "2024-01-01T05:00:00Z", "2024-01-01T06:30:00"),
    ],
    ids=["numbers", "dates", "RFC 3339"],
)
def test_rows_come_in_time_order_and_ties_as_they_are_in_the_file(times):
    lines = [f"r{k},u,{k},{moment}\n" for k, moment in enumerate(times)]
    assert parse(["rater,subject,score,time\n", *lines]).rater == ["r1", "r2", "r3", "r0"]


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_sorting_is_stable(times):
    lines = [f"r{k},u,1,{moment}\n" for k, moment in enumerate(times)]
    order = sorted(range(len(times)), key=times.__getitem__)
    assert parse(["rater,subject,score,time\n", *lines]).rater == [f"r{k}" for k in order]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column rater or subject or score; the header names nothing"),
        ("assessor,subject,score\n", "line 1: no column rater; the header names assessor, subject, score"),
        ("rater,rater,subject,score\n", "line 1: column rater comes twice"),
        ("rater,subject,score\n", "no rating with a score"),
        ("rater,subject,score\na,u,\n", "no rating with a score"),
        ("rater,subject,score\na,u,3\na,u,好\n", "line 3, column score: '好' is no number"),
        ("rater,subject,score\na,u,nan\n", "line 2, column score: 'nan' is not a number from"),
        ("rater,subject,score\na,u,inf\n", "line 2, column score"),
        ("rater,subject,score\na,u,1_0\n", "line 2, column score"),
        ("rater,subject,score\n ,u,3\n", "line 2, column rater: empty"),
        ('rater,subject,score\na,"",3\n', "line 2, column subject: empty"),
        ("rater,subject,score\na,u\n", "line 2, column score: missing: the row is short"),
        ("rater,subject,score,time\na,u,3,\n", "line 2, column time: empty"),
        ("rater,subject,score,time\na,u,3,soon\n", "line 2, column time: 'soon' is no time"),
        (
            "rater,subject,score,time\na,u,3,1\na,u,3,2024-01-01\n",
            "line 3, column time: '2024-01-01' cannot be ordered",
        ),
        ("rater,subject,score,time\na,u,3,nan\n", "line 2, column time: 'nan' cannot be ordered"),
        ('rater,subject,score\na,u,3\na,"u,3\n', "line 3: not CSV"),
    ],
)
def test_a_bad_file_is_told_with_its_place(text, said):
    with pytest.raises(BadRatings) as caught:
        parsed(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_encoding_is_told(tmp_path):
    file = tmp_path / "gbk.csv"
    file.write_bytes("rater,subject,score\n李,张,3\n".encode("gbk"))
    with pytest.raises(BadRatings, match="not UTF-8"):
        read(str(file))


def test_the_reader_tells_how_far_it_is(monkeypatch):
    monkeypatch.setattr("megdt_stream.evaluate.ratings.TELL_EVERY", 2)
    told = []
    parse(["rater,subject,score\n", *["a,u,1\n"] * 5], told.append)
    assert told == [2, 4]


def test_ratings_know_their_length():
    assert len(Ratings(["a"], ["u"], [None], [1.0])) == 1
