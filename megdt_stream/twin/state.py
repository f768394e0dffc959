"""Twin state: sums, slots and standing warnings, and their one textual form.

*Sums* are integers per field that add and subtract exactly, so order, duplicates, amendments and retractions
cannot change the bytes. *Slots* are values present or absent, one per piece of evidence. *Standing* holds what a rule
decided; it is a function of the log's order, not of the evidence set, and therefore kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

Sum: TypeAlias = tuple[int, ...]
Slot: TypeAlias = list[Any]

_SLOT_KINDS: Final = frozenset("roe")
_STANDING_KIND: Final = "w"
_SUM_KINDS: Final = frozenset("acmxk")

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


class Twin:
    """The state of one trainee.

    `sums`: field -> integers. `slots`: group -> field -> value, grouped so that a rotation's few steps are found
    without a search. `standing`: field -> value of open warnings.
    """

    __slots__ = ("slots", "standing", "sums")

    def __init__(self) -> None:
        self.sums: dict[str, Sum] = {}
        self.slots: dict[str, dict[str, Slot]] = {}
        self.standing: dict[str, Slot] = {}

    @classmethod
    def from_fields(cls, fields: Iterable[tuple[bytes, bytes]]) -> Twin:
        """Read a twin back from its stored fields.

        Raises ValueError when a field is none of ours: an unknown state is refused, never guessed.
        """
        twin = cls()
        for raw_field, raw in fields:
            field = raw_field.decode()
            kind = field[:1]
            if kind in _SLOT_KINDS:
                twin.slots.setdefault(group_of(field), {})[field] = _json_decode(raw)
            elif kind == _STANDING_KIND:
                twin.standing[field] = _json_decode(raw)
            elif kind in _SUM_KINDS:
                twin.sums[field] = tuple(map(int, raw.split(b" ")))
            else:
                raise ValueError(f"unknown twin field {field!r}")
        return twin

    def text(self, field: str) -> str | bytes | None:
        """Give a field as the store holds it, None where it is absent."""
        total = self.sums.get(field)
        if total is not None:
            return sum_text(total)
        kind = field[:1]
        if kind in _SLOT_KINDS:
            slot = self.slots.get(group_of(field), {}).get(field)
            return None if slot is None else _json_encode(slot)
        if kind == _STANDING_KIND:
            value = self.standing.get(field)
            return None if value is None else _json_encode(value)
        return None

    def fields(self) -> Mapping[str, str | bytes]:
        """Give all fields in canonical order, as the store holds them."""
        names = [*self.sums, *(name for group in self.slots.values() for name in group), *self.standing]
        return {name: text for name in sorted(names) if (text := self.text(name)) is not None}
