"""Twin state: sums, slots and standing warnings, and their one textual form.

*Sums* are integers per field that add and subtract exactly, so order, duplicates, amendments and retractions
cannot change the bytes. *Slots* are values present or absent, one per piece of evidence. *Standing* holds what a rule
decided; it is a function of the log's order, not of the evidence set, and therefore kept apart. So is what concerns the
pseudonym and not what was done under it: its links (the slot group `i`), and whom and what is carried to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from megdt_stream.twin.resting import Stored

Sum: TypeAlias = tuple[int, ...]
Slot: TypeAlias = list[Any]

SLOT_KINDS: Final = frozenset("roeqd")
STANDING_KIND: Final = "w"
_SUM_KINDS: Final = frozenset("acmxkftuv")
_LINK_KIND: Final = "i"
_REGISTER_KIND: Final = "p"
_SHADOW_KIND: Final = "s"
PERSON_KINDS: Final = frozenset((_LINK_KIND, _REGISTER_KIND, _SHADOW_KIND))
"""Kinds of fields that are kept beside the twin, not in it."""

FORMAT: Final = 2
"""Version of what is stored of a partition's twins (docs/records.md, section 6): a field's meaning, a row's layout. It
goes up by one with every change that an earlier version would misread; a worker leaves twins of another format alone,
and `megdt rebuild` makes them anew from the log."""

LINKS: Final = "i"
"""The slot group of a pseudonym's links."""

_json_encode = msgspec.json.Encoder().encode
_json_decode = msgspec.json.Decoder(list[Any]).decode


def group_of(field: str) -> str:
    """Give a slot's group: its field without the record hash (`r|rot-1|<h>` -> `r|rot-1`)."""
    return field[: field.rindex("|")]


def sum_text(value: Sum) -> str:
    """Write a sum as the text the store holds."""
    if len(value) == 1:
        return str(value[0])
    return f"{value[0]} {value[1]} {value[2]}"


class Register(NamedTuple):
    """Whether a pseudonym is on at its head, and since which record of its partition; -1: never heard of."""

    base: int = -1
    on: bool = False


class Twin:
    """The state of one trainee.

    `sums`: field -> integers. `slots`: group -> field -> value, grouped so that a rotation's few steps are found
    without a search. `standing`: field -> value of open warnings. `personas`: pseudonym carried here -> register.
    `shadow`: field -> value of own slots that a carried record stands in front of. `stored`: what the store's access
    knows of where this rests (`resting`); nobody else's business, None where there is no store.
    """

    __slots__ = ("personas", "shadow", "slots", "standing", "stored", "sums")

    def __init__(self) -> None:
        self.sums: dict[str, Sum] = {}
        self.slots: dict[str, dict[str, Slot]] = {}
        self.standing: dict[str, Slot] = {}
        # Hardly any twin has these, and a cache holds a hundred thousand twins.
        self.personas: dict[str, Register] | None = None
        self.shadow: dict[str, Slot] | None = None
        self.stored: Stored | None = None

    @property
    def head(self) -> str | None:
        """Give the person that this pseudonym belongs to, None where it stands for itself."""
        links = self.slots.get(LINKS)
        if not links:
            return None
        _, latest = max(links.items(), key=lambda item: (item[1][0], item[1][1], item[0]))
        head: str | None = latest[2]
        return head

    @classmethod
    def from_fields(cls, fields: Iterable[tuple[bytes, bytes]]) -> Twin:
        """Read a twin back from its stored fields.

        Raises ValueError when a field is none of ours: an unknown state is refused, never guessed.
        """
        twin = cls()
        for raw_field, raw in fields:
            field = raw_field.decode()
            kind = field[:1]
            if kind in SLOT_KINDS:
                twin.slots.setdefault(group_of(field), {})[field] = _json_decode(raw)
            elif kind == STANDING_KIND:
                twin.standing[field] = _json_decode(raw)
            elif kind in _SUM_KINDS:
                twin.sums[field] = tuple(map(int, raw.split(b" ")))
            elif kind == _LINK_KIND:
                twin.slots.setdefault(LINKS, {})[field] = _json_decode(raw)
            elif kind == _REGISTER_KIND:
                base, on = _json_decode(raw)
                twin.register(field[2:], Register(base, on))
            elif kind == _SHADOW_KIND:
                twin.cover(field[2:], _json_decode(raw))
            else:
                raise ValueError(f"unknown twin field {field!r}")
        return twin

    def register(self, persona: str, register: Register) -> None:
        """Set a carried pseudonym's register."""
        if self.personas is None:
            self.personas = {}
        self.personas[persona] = register

    def cover(self, field: str, slot: Slot) -> None:
        """Keep the value of an own slot that a carried record stands in front of."""
        if self.shadow is None:
            self.shadow = {}
        self.shadow[field] = slot

    def text(self, field: str) -> str | bytes | None:
        """Give a field as the store holds it, None where it is absent."""
        total = self.sums.get(field)
        if total is not None:
            return sum_text(total)
        kind = field[:1]
        if kind in SLOT_KINDS or kind == _LINK_KIND:
            slot = self.slots.get(group_of(field), {}).get(field)
            return None if slot is None else _json_encode(slot)
        if kind == STANDING_KIND:
            value = self.standing.get(field)
            return None if value is None else _json_encode(value)
        if kind == _REGISTER_KIND:
            register = (self.personas or {}).get(field[2:])
            return None if register is None else _json_encode(list(register))
        if kind == _SHADOW_KIND:
            covered = (self.shadow or {}).get(field[2:])
            return None if covered is None else _json_encode(covered)
        return None

    def fields(self) -> Mapping[str, str | bytes]:
        """Give the twin's fields in canonical order, as the store holds them, without those kept beside it."""
        slots = (name for group, slots in self.slots.items() if group != LINKS for name in slots)
        names = [*self.sums, *slots, *self.standing]
        return {name: text for name in sorted(names) if (text := self.text(name)) is not None}
