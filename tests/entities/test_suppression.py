"""Nothing told of a group is of fewer than ten trainees, nor what is left when the told is subtracted."""

from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.twin.entities import comparison, process
from megdt_stream.twin.entities.comparison import Trainee
from megdt_stream.twin.entities.levels import Rated
from megdt_stream.twin.entities.state import EntityTwin, Part
from megdt_stream.twin.entities.suppression import LEAST, hidden

trainees = st.integers(0, 30).map(lambda number: f"k1.{number}")
groups = st.dictionaries(st.sampled_from("abcdef"), st.frozensets(trainees, max_size=20), max_size=6)


@given(groups)
def test_whatever_is_told_or_left_is_of_enough_or_of_nobody(found):
    kept_back = hidden(found)
    assert all(len(found[name]) >= LEAST for name in found.keys() - kept_back)
    left = set().union(*(found[name] for name in kept_back))
    assert len(left) >= LEAST or not kept_back or kept_back == found.keys()


@given(groups)
def test_nothing_is_hidden_where_every_part_is_large_enough(found):
    large = {name: theirs for name, theirs in found.items() if len(theirs) >= LEAST}
    assert hidden(large) == frozenset()


def test_one_small_part_takes_the_next_smallest_with_it():
    sizes = {"a": 4, "b": 12, "c": 11, "d": 40}
    found = {name: [f"{name}{number}" for number in range(size)] for name, size in sizes.items()}
    assert hidden(found) == {"a", "c"}


def test_small_parts_that_are_enough_together_take_nobody_with_them():
    sizes = {"a": 5, "b": 5, "c": 11}
    found = {name: [f"{name}{number}" for number in range(size)] for name, size in sizes.items()}
    assert hidden(found) == {"a", "b"}


def departments(sizes):
    """Put so many trainees into each department, one rotation and one missing form each."""
    return {
        name: EntityTwin.of(
            (f"k1.{name}{number}", 0, Part({}, {f"r|{name}{number}": ["started", 0, 9, [[1, 1, 0]]]}))
            for number in range(size)
        )
        for name, size in sizes.items()
    }


@given(st.dictionaries(st.sampled_from(["内科", "外科", "骨科", "儿科"]), st.integers(1, 25), min_size=1))
def test_no_count_of_a_small_department_follows_from_the_whole(sizes):
    found = process.properties(departments(sizes), 86_400_000, 1.28)
    whole = sum(sizes.values())
    told = {name: found[f"trainees|{name}"]["value"] for name in sizes}
    assert all(value is None or value == sizes[name] >= LEAST for name, value in told.items())
    if whole < LEAST:
        assert all(one["value"] is None for one in found.values())
    else:
        assert found["trainees"]["value"] == whole
        for what in ("started", "overdue", "trainees"):
            left = found[what]["value"] - sum(found[f"{what}|{name}"]["value"] or 0 for name in sizes)
            assert left == 0 or left >= LEAST


def test_what_is_suppressed_says_so():
    found = process.properties(departments({"内科": 3}), 0, 1.28)
    assert {tuple(one["provenance"].items()) for one in found.values()} == {(("suppressed", "fewer than 10"),)}


def base_of(size, level=3.0):
    return [
        Trainee("postgraduate|2024级", {"C1": Rated(level + 0.01 * number, {"k1.t": 1.0})}) for number in range(size)
    ]


def test_a_small_base_takes_part_in_a_comparison_only_where_it_cannot_be_told_apart():
    bases = {"A": base_of(12), "B": base_of(15), "small": base_of(6)}
    assert {one.base for one in comparison.observations("C1", bases)} == {"A", "B"}
    two = bases | {"tiny": base_of(5)}
    assert {one.base for one in comparison.observations("C1", two)} == set(two)
