"""Activations: the latest model stands whatever their order, in memory, in the store and in the checker."""

from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import record
from megdt_stream.evidence.record import Activation
from megdt_stream.mirror import Partition, Rows, read, step
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.reference import load_reference
from tests.mirror.logs import RULE

activations = st.builds(
    Activation,
    st.sampled_from(["severity", "risk"]),
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 3),
)


def _folded(values):
    partition = Partition(0)
    changes = step(partition, read(enumerate(values)), Rows(), RULE)
    assert changes.active == partition.active
    assert not changes.outcomes
    assert not changes.messages
    return partition.active


@given(st.lists(activations, max_size=6), st.randoms())
def test_the_latest_stands_whatever_the_order(said, random):
    values = [record.encode(one) for one in said]
    shuffled = list(values)
    random.shuffle(shuffled)
    assert _folded(values) == _folded(shuffled)
    latest = {one.kind: max((o.at, o.version) for o in said if o.kind == one.kind) for one in said}
    assert _folded(values) == latest
    mirror = Mirror(0, load_reference().rule)
    for offset, one in enumerate(said):
        mirror.apply(offset, {"k": "activation", "kind": one.kind, "version": one.version, "at": one.at})
    assert mirror.active == latest
