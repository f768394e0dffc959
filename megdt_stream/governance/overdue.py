"""Rule `expected-assessment-overdue`: an assessment that a rotation expects has not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from megdt_stream.evidence.record import Expectation
from megdt_stream.evidence.reference import LocalText
from megdt_stream.governance import rulebook
from megdt_stream.twin.contribution import progress_field, rotation_group
from megdt_stream.twin.rotation import RotationState, rotation_state
from megdt_stream.twin.state import Slot, Twin

NAME: Final = "expected-assessment-overdue"
PREFIX: Final = f"w|{NAME}|"
DAY_MS: Final = 24 * 3600 * 1000


class OverdueRule(BaseModel):
    """The rule's parameters, from `seeds/rules.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Annotated[int, Field(ge=1)]
    grace_days: Annotated[int, Field(ge=0, le=365)]
    severity: Literal["low", "medium", "high"]
    owner: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    next_step: LocalText
    reviews: Annotated[tuple[Any, ...], SkipValidation] = ()
    """The rules that run beside this one (`governance.reviews`): one object carries all that the mirror is to know."""
    groups: Annotated[Mapping[str, Any], SkipValidation] = Field(default_factory=dict)
    """Terms of the rules about groups (`governance.groups`), by name; they run elsewhere."""

    @classmethod
    def from_tables(cls, rules: dict[str, Any]) -> OverdueRule:
        """Check the tables of all rules. Raises `pydantic.ValidationError`, or KeyError when this rule's is absent."""
        rule = cls.model_validate(rules[NAME])
        others = rulebook.read({name: table for name, table in rules.items() if name != NAME})
        return rule.model_copy(update=others._asdict())

    @property
    def grace_ms(self) -> int:
        """Give the grace in milliseconds."""
        return self.grace_days * DAY_MS


class Finding(NamedTuple):
    """What the rule says of one expectation after a change.

    `transition` is None where nothing changed. `deadline` is when (ms) to look again, None for never.
    """

    rotation: str
    key: str
    transition: Literal["opened", "recovered"] | None
    why: str
    deadline: int | None
    expected: Expectation | None
    arrived: int
    state: RotationState | None
    opened: Slot | None


def standing_field(rotation: str, key: str) -> str:
    """Name the twin's field of an open warning."""
    return f"{PREFIX}{rotation}|{key}"


def examine(twin: Twin, rotation: str, key: str, now: int, grace_ms: int) -> Finding:
    """Judge one expectation of a rotation at domain time `now` (ms)."""
    slots = twin.slots.get(rotation_group(rotation))
    state = rotation_state(slots) if slots else None
    return _judge(twin, rotation, key, state, now, grace_ms)


def examine_rotation(twin: Twin, rotation: str, now: int, grace_ms: int) -> list[Finding]:
    """Judge all expectations of a rotation after one of its steps changed, open warnings included."""
    slots = twin.slots.get(rotation_group(rotation))
    state = rotation_state(slots) if slots else None
    keys = [expected[0] for expected in state.expects] if state else []
    prefix = standing_field(rotation, "")
    opened = [field[len(prefix) :] for field in twin.standing if field.startswith(prefix)]
    # Sorted: a twin read back from the store has its fields in another order than one kept in memory.
    keys += sorted(key for key in opened if key not in keys)
    return [_judge(twin, rotation, key, state, now, grace_ms) for key in keys]


def _judge(twin: Twin, rotation: str, key: str, state: RotationState | None, now: int, grace_ms: int) -> Finding:
    expected = state.expectation(key) if state else None
    opened = twin.standing.get(standing_field(rotation, key)) if twin.standing else None
    arrived = twin.sums.get(progress_field(rotation, key), (0,))[0]
    overdue, deadline, why = False, None, "no-longer-expected"
    if twin.head is not None:
        why = "linked"  # the rule speaks for persons: the head has all this pseudonym has
    elif expected is not None:
        limit = expected[2] + grace_ms
        if arrived >= expected[1]:
            why = "arrived"
        elif now >= limit:
            overdue, why = True, "overdue"
        else:
            deadline, why = limit, "due-date-moved"
    transition: Literal["opened", "recovered"] | None = None
    if overdue != (opened is not None):
        transition = "opened" if overdue else "recovered"
    return Finding(rotation, key, transition, why, deadline, expected, arrived, state, opened)
