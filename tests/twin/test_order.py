"""A twin is a function of the set of its evidence: no order, duplicate, amendment or conflict changes a byte."""

import itertools
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence.record import Retraction
from megdt_stream.twin import journal
from megdt_stream.twin.fold import Verdict, fold, standing
from megdt_stream.twin.journal import Words
from megdt_stream.twin.state import Twin
from tests.twin.facts import BLANK, batches, expected_fields, named, placed


def folded(evidence):
    """Fold evidence in order; give the twin, the journal and the verdicts."""
    twin, rows, verdicts = Twin(), {}, []
    for fact in evidence:
        result = fold(twin, rows.get(fact.h, ()), fact)
        rows[fact.h] = result.row
        verdicts.append((result.verdict, result.displaced))
    return twin, rows, verdicts


def as_text(twin):
    return {field: text if isinstance(text, str) else text.decode() for field, text in twin.fields().items()}


@given(batches())
def test_a_twin_is_what_the_standing_versions_add_up_to(evidence):
    twin, _, _ = folded(evidence)
    assert as_text(twin) == expected_fields(evidence)
    assert list(twin.fields()) == sorted(twin.fields())


@given(batches(), st.randoms(use_true_random=False))
def test_order_changes_nothing(evidence, chance):
    other = evidence[:]
    chance.shuffle(other)
    (twin, rows, _), (again, others, _) = folded(evidence), folded(other)
    assert twin.fields() == again.fields()
    assert twin.slots == again.slots
    assert {h: _without_origin(row) for h, row in rows.items()} == {
        h: _without_origin(row) for h, row in others.items()
    }


def _without_origin(row):
    return [(version.rev, version.digest, version.sums, version.slots) for version in row]


@given(batches(max_size=4, records=2, revisions=2))
def test_all_orders_of_few(evidence):
    results = [folded(order)[0].fields() for order in itertools.islice(itertools.permutations(evidence), 24)]
    assert all(result == results[0] for result in results)


@given(batches(), st.randoms(use_true_random=False))
def test_how_many_are_accepted_does_not_depend_on_order(evidence, chance):
    other = evidence[:]
    chance.shuffle(other)
    distinct = {(fact.h, fact.rev) for fact in evidence}
    assert accepted(folded(evidence)[2]) == accepted(folded(other)[2]) == len(distinct)


def accepted(verdicts):
    taken = [displaced for verdict, displaced in verdicts if verdict in (Verdict.APPLIED, Verdict.SUPERSEDED)]
    return len(taken) - sum(displaced is not None for displaced in taken)


@given(batches())
def test_verdicts(evidence):
    known, seen = defaultdict(dict), 0
    twin, rows = Twin(), {}
    for fact in evidence:
        before, versions = twin.fields(), known[fact.h]
        result = fold(twin, rows.get(fact.h, ()), fact)
        rows[fact.h] = result.row
        held = versions.get(fact.rev)
        if held and held.d == fact.d:
            assert result.verdict is Verdict.DUPLICATE
        elif held and held.d < fact.d:
            assert result.verdict is Verdict.ID_CONFLICT
        else:
            assert result.displaced == (held.origin if held else None)
            versions[fact.rev] = fact
            highest = max(versions) == fact.rev
            assert result.verdict is (Verdict.APPLIED if highest else Verdict.SUPERSEDED)
        changed = {
            field for field in before.keys() | twin.fields().keys() if before.get(field) != twin.fields().get(field)
        }
        assert changed <= set(result.touched)
        assert [v.rev for v in result.row] == sorted(versions)
        seen += 1
    assert seen == len(evidence)


@given(batches())
def test_only_the_standing_version_keeps_its_contribution(evidence):
    for row in folded(evidence)[1].values():
        assert all(not version.sums and not version.slots for version in row if version is not standing(row))


@given(batches(revisions=3), st.randoms(use_true_random=False))
def test_retracting_everything_leaves_nothing(evidence, chance):
    withdrawn = [placed(named(Retraction(**BLANK, happened=0), "k1.a", n, 9), "assessments", 1, n) for n in range(4)]
    everything = evidence + withdrawn
    chance.shuffle(everything)
    twin, _, _ = folded(everything)
    assert twin.fields() == {}
    assert (twin.sums, twin.slots) == ({}, {})


@given(batches())
def test_stored_fields_read_back(evidence):
    twin, _, _ = folded(evidence)
    twin.standing["w|expected-assessment-overdue|内科|mini-cex"] = [5, "00", 3, 1]
    stored = [
        (field.encode(), text if isinstance(text, bytes) else text.encode()) for field, text in twin.fields().items()
    ]
    again = Twin.from_fields(stored)
    assert again.fields() == twin.fields()
    assert (again.sums, again.slots, again.standing) == (twin.sums, twin.slots, twin.standing)


@given(batches())
def test_journal_rows_read_back(evidence):
    rows = folded(evidence)[1]
    assert _kept(rows) == rows


def _kept(rows):
    """Write rows as a store would, and read them back with the words it would then have."""
    words = Words()
    packed = {h: journal.pack(row, h, words) for h, row in rows.items()}
    again = Words(words.added().items())
    return {h: journal.unpack(data, h, again) for h, data in packed.items()}


@given(batches(), st.integers(0, 20))
def test_a_fold_that_resumes_from_the_store_goes_on_the_same(evidence, cut):
    whole = folded(evidence)[0]
    twin, rows, _ = folded(evidence[:cut])
    twin = Twin.from_fields((f.encode(), t if isinstance(t, bytes) else t.encode()) for f, t in twin.fields().items())
    rows = _kept(rows)
    for fact in evidence[cut:]:
        rows[fact.h] = fold(twin, rows.get(fact.h, ()), fact).row
    assert twin.fields() == whole.fields()
