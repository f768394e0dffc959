"""What is known of a twin in the store: where its fields rest, and the words of its journal.

A short field rests by itself, wide ones together: a hash of short fields alone is a list in Redis, and takes a third of
the memory of a table. Fields of closed periods are in chunks (`layout`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from megdt_stream.twin.journal import Words
from megdt_stream.twin.layout import SEGMENT, Layout, Moves, names_of
from megdt_stream.twin.state import PERSON_KINDS, Twin, sum_text

NARROW: Final = 64
"""Most bytes of a name and of a value that rest by themselves: Redis' `hash-max-listpack-value`."""


class Stored:
    """What the store holds of a twin beside its fields.

    `layout` is None while nothing is put away: most twins are small, and theirs need not be followed. `wide`: fields
    that rest together.
    """

    __slots__ = ("layout", "wide", "words")

    def __init__(self, layout: Layout | None = None, wide: Iterable[str] = (), words: Words | None = None) -> None:
        self.layout = layout
        self.wide = frozenset(wide)
        self.words = Words() if words is None else words

    def plain(self, twin: Twin, touched: Iterable[str]) -> dict[str, str | bytes | None] | None:
        """Give what to write of a small twin of which only narrow fields changed, None where there is more to do.

        Nearly every change of a small twin is one, and needs no more.
        """
        if len(twin.sums) + sum(map(len, twin.slots.values())) >= SEGMENT:
            return None
        fields: dict[str, str | bytes | None] = {}
        wide, sums = self.wide, twin.sums
        for name in touched:
            text: str | bytes | None
            total = sums.get(name)
            if total is not None:
                text = sum_text(total)
            elif name[0] in PERSON_KINDS:
                return None
            else:
                text = twin.text(name)
            if (text is not None and not is_narrow(name, text)) or name in wide:
                return None
            fields[name] = text
        return fields

    def update(self, twin: Twin, touched: Iterable[str]) -> Moves:
        """Follow a change of these fields of the twin; say what has to be written."""
        moves = self._moves(twin, touched)
        wide = [name for name, text in moves.fields.items() if text is not None and not is_narrow(name, text)]
        narrow = self.wide.intersection(moves.fields).difference(wide) if self.wide else ()
        if wide or narrow:
            moves.fields.update(dict.fromkeys(wide))
            self.wide = self.wide.difference(narrow).union(wide)
            moves.wide = {name: text for name in sorted(self.wide) if (text := twin.text(name)) is not None}
        return moves

    def _moves(self, twin: Twin, touched: Iterable[str]) -> Moves:
        if self.layout is not None:
            return self.layout.update(twin, touched)
        names = [name for name in touched if name[0] not in PERSON_KINDS]
        if len(twin.sums) + sum(map(len, twin.slots.values())) < SEGMENT:
            return Moves({name: twin.text(name) for name in names})
        self.layout = Layout()
        moves = self.layout.update(twin, [*names_of(twin), *names])
        # Those that did not change and stay rest where they are.
        keep = set(names)
        moves.fields = {name: text for name, text in moves.fields.items() if text is None or name in keep}
        return moves


def stored_as(twin: Twin) -> Moves:
    """Give all that the store holds of a twin itself: its fields, chunks and wide fields."""
    moves = Stored(Layout()).update(twin, names_of(twin))
    moves.fields = {name: text for name, text in moves.fields.items() if text is not None}
    return moves


def is_narrow(name: str, text: str | bytes) -> bool:
    """Tell whether a field may rest by itself. A text of characters is a sum's, so has as many bytes."""
    if len(text) > NARROW or len(name) > NARROW:
        return False
    return len(name) * 4 <= NARROW or name.isascii() or len(name.encode()) <= NARROW
