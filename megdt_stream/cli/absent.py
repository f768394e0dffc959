"""What a command says where there is no twin of the name that it was given."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from megdt_stream.runtime.query import Query

_NOBODY: Final = "publish events first (`megdt import`)"
_SHOWN: Final = 5


def trainee(query: Query, id_: str) -> str:
    """Say which trainee may be meant."""
    near = query.near(id_)
    if near:
        return f"there is no twin of {id_}; did you mean {', '.join(near)}?"
    some = next(query.trainees(), None)
    if some is None:
        return f"there is no twin of {id_}, nor of anybody; {_NOBODY}"
    return f"there is no twin of {id_}; trainees are named by pseudonyms such as {some}"


def entity(query: Query, kind: str, id_: str, say: Callable[[str], None] | None = None) -> str:
    """Say which entity of a kind may be meant."""
    from megdt_stream.runtime.entities import list_entities

    known = list_entities(query, kind, say)
    if not known:
        return f"there is no {kind} twin of {id_}, nor of any; {_NOBODY}"
    within = [name for name in known if id_ and id_.lower() in name.lower()]
    near = within or get_close_matches(id_, known, n=3, cutoff=0.5)
    if near:
        return f"there is no {kind} twin of {id_}; did you mean {', '.join(near[:3])}?"
    some = ", ".join(islice(known, _SHOWN))
    return f"there is no {kind} twin of {id_}; there are {some}{' …' * (len(known) > _SHOWN)}"
