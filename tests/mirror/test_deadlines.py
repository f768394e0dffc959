"""Deadlines against a dictionary."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from megdt_stream.mirror import Deadlines

members = st.sampled_from([f"k1.{letter}|R|K" for letter in "abcde"])
moments = st.integers(-3, 12)


class AgainstADictionary(RuleBasedStateMachine):
    @initialize(due=st.dictionaries(members, moments))
    def start(self, due):
        self.model = dict(due)
        self.deadlines = Deadlines(due.items())

    @rule(member=members, due=st.one_of(st.none(), moments))
    def set(self, member, due):
        changes = self.model.get(member) != due
        if due is None:
            self.model.pop(member, None)
        else:
            self.model[member] = due
        assert self.deadlines.set(member, due) == changes

    def due_by(self, now):
        return [member for due, member in sorted((due, m) for m, due in self.model.items()) if due <= now]

    @rule(now=moments)
    def reached(self, now):
        # `earliest` may spare the search only when there is nothing to find.
        earliest = self.deadlines.earliest
        if earliest is None or earliest > now:
            assert self.due_by(now) == []
        assert self.deadlines.reached(now) == self.due_by(now)

    @rule(now=moments)
    def pop(self, now):
        wanted = self.due_by(now)
        assert self.deadlines.pop(now) == wanted
        for member in wanted:
            del self.model[member]

    @invariant()
    def earliest_is_a_lower_bound(self):
        if self.model:
            assert self.deadlines.earliest <= min(self.model.values())


TestDeadlines = AgainstADictionary.TestCase
