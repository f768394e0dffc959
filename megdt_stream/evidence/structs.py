"""The models of `events` as msgspec structs, for events that are plainly right: at a tenth of a model's price.

The structs are made from the models' own annotations and validators and are stricter than they: nothing unknown, no
null, no number beyond reason. So what is read holds nothing that was not looked at, repeated names included, and
written again it is the same JSON but for the order of its names. Types, bounds and enumerations are checked in C while
a struct is filled, other texts against those that were right before, most of an event's being codes and pseudonyms
that came a thousand times. What is not taken here is for the model to judge. Left to the builders is what they look
at anyway: times, of scores all but types, and who is whose person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil, floor
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AllowInfNan, BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from megdt_stream.evidence import events, grammar, identifiers

_REMEMBERED: Final = 32_768
_LONGEST_REMEMBERED: Final = 128
_LARGEST_NUMBER: Final = 1e9
"""Beyond all bounds of the contract and of any scale; numbers up to here are written alike by all encoders."""

_LEFT_TO_BUILDERS: Final = (events.Score, events.AssessmentData, events.SelfAssessmentData)

_FREE_TEXT: Final = "free text"  # no pattern, but in the place of one

_Texts = Iterable[str | None]
_Getter = Callable[[Any], _Texts]


class Memo:
    """The texts that were right before; None, where it is among them, stands for an absent one.

    Right is what matches a pattern and would be no direct identifier under `key`.
    """

    __slots__ = ("_key", "_least", "_matches", "_most", "_optional", "texts")

    def __init__(
        self, pattern: str, key: str = "", *, least: int = 0, most: int | None = None, optional: bool = True
    ) -> None:
        self._matches = grammar.compiled(pattern).fullmatch
        self._key = key
        self._least, self._most, self._optional = least, most, optional
        self.texts: set[str | None] = set()

    def learn(self, text: str | None) -> bool:
        """Tell whether a text is right, and remember it."""
        if not (self._optional if text is None else self._is_right(text)):
            return False
        if len(self.texts) >= _REMEMBERED:
            self.texts.clear()
        if text is None or len(text) <= _LONGEST_REMEMBERED:
            self.texts.add(text)
        return True

    def _is_right(self, text: str) -> bool:
        fits = self._least <= len(text) and (self._most is None or len(text) <= self._most)
        return fits and self._matches(text) is not None and not identifiers.is_direct(text, self._key)


_SOURCES: Final = Memo(grammar.URI_REFERENCE, "source", least=1, most=128, optional=False)
_SUBJECTS: Final = Memo(events.PSEUDONYM_PATTERN, "subject", optional=False)
_CONTENT_TYPES: Final = Memo(grammar.JSON_MEDIA_TYPE)
_MEMOS: Final = {
    events.PSEUDONYM_PATTERN: Memo(events.PSEUDONYM_PATTERN, "subject"),
    events.CODE_PATTERN: Memo(events.CODE_PATTERN, "item"),
}
_ENVELOPE: Final = frozenset(events.Event.model_fields)
_LONGEST_ID: Final = 128
_SHORTEST_IDENTITY_NUMBER: Final = 18


class Shape:
    """What is asked of the events of one type beyond what filling the struct has checked."""

    __slots__ = ("_checks", "_free", "struct")

    def __init__(self, model: type[events.Event]) -> None:
        self.struct, places = _struct(model, tag=events.type_of(model))
        inside = [(pattern, path) for pattern, path in places if path[0] == "data"]
        self._checks = [
            (_MEMOS[pattern], getter)
            for pattern in dict.fromkeys(pattern for pattern, _ in inside if pattern != _FREE_TEXT)
            for getter in _getters([path for found, path in inside if found == pattern])
        ]
        free = [path for pattern, path in inside if pattern == _FREE_TEXT]
        self._free = attrgetter(".".join(free[0])) if free else None

    def filled(self, document: dict[str, Any]) -> Any:
        """Give the struct of a parsed event, or None where the model has to be asked. Extensions are passed over."""
        known = {name: value for name, value in document.items() if name in _ENVELOPE and value is not None}
        try:
            event = msgspec.convert(known, self.struct)
        except msgspec.ValidationError:
            return None
        return event if self.takes(event) else None

    def takes(self, event: Any) -> bool:
        """Tell whether an event satisfies its model and holds no identifier, but for what is left to the builders."""
        source, subject, content_type, id_ = event.source, event.subject, event.datacontenttype, event.id
        if not (
            (source in _SOURCES.texts or _SOURCES.learn(source))
            and (subject in _SUBJECTS.texts or _SUBJECTS.learn(subject))
            and (content_type in _CONTENT_TYPES.texts or _CONTENT_TYPES.learn(content_type))
            # An id does not come twice. Printable implies its pattern, for a tenth of the price.
            and id_.isprintable()
            and 0 < len(id_) <= _LONGEST_ID
            and "@" not in id_
            and (len(id_) < _SHORTEST_IDENTITY_NUMBER or not identifiers.is_direct(id_, "id"))
        ):
            return False
        for memo, texts in self._checks:
            if not (memo.texts.issuperset(texts(event)) or all(map(memo.learn, texts(event)))):
                return False
        return self._free is None or not identifiers.may_stand_in(self._free(event) or "")


# --- where texts stand ---------------------------------------------------------------------------------------

_Path = tuple[str, ...]
_Places = list[tuple[str, _Path]]
"""Patterns and where they hold: names of attributes, `*` for the items of a list."""


def _getters(paths: list[_Path]) -> Iterator[_Getter]:
    """Make what gives the texts at some places: one call for all that stand outside lists."""
    plain = [".".join(path) for path in paths if "*" not in path]
    if plain:
        # A lone name would be given bare; twice, it comes as a tuple.
        yield attrgetter(*plain, plain[0])
    for path in paths:
        if "*" in path:
            yield _items_getter(path)


def _items_getter(path: _Path) -> _Getter:
    items, name = attrgetter(".".join(path[:-2])), path[-1]
    return lambda event: [getattr(item, name) for item in items(event) or ()]


# --- from models to structs ----------------------------------------------------------------------------------


def _struct(model: type[BaseModel], tag: str | None = None) -> tuple[type[msgspec.Struct], _Places]:
    """Make the struct of a model, its fields in the order of their names, so that they are written in it."""
    hints = get_type_hints(model, include_extras=True)
    fields: list[tuple[str, Any, Any]] = []
    places: _Places = []
    infos = {name: info for name, info in model.model_fields.items() if tag is None or name != "type"}
    for name, info in sorted(infos.items(), key=lambda item: item[1].alias or item[0]):
        kind, inner = _type(hints[name])
        fields.append((name, kind, msgspec.NODEFAULT if info.is_required() else info.default))
        places += [(pattern, (name, *path)) for pattern, path in inner if model is not events.Score]
        if name in identifiers.FREE_TEXT_KEYS:
            places.append((_FREE_TEXT, (name,)))
        elif (info.alias or name) in identifiers.KEYS and not inner:
            raise TypeError(f"{model.__name__}.{name} may not hold a direct identifier, and nothing sees to it")
    struct = msgspec.defstruct(
        model.__name__,
        fields,
        namespace=_namespace(model),
        rename={name: info.alias for name, info in infos.items() if info.alias},
        tag_field="type" if tag else None,
        tag=tag,
        kw_only=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
        gc=False,
    )
    return struct, places


def _namespace(model: type[BaseModel]) -> dict[str, Any]:
    """Take over the model's properties and validators; what they raise, msgspec makes a ValidationError."""
    namespace: dict[str, Any] = {name: member for name, member in vars(model).items() if isinstance(member, property)}
    decorators = model.__pydantic_decorators__
    validators = [getattr(model, name) for name in decorators.model_validators]
    modes = {decorator.info.mode for decorator in decorators.model_validators.values()}
    if modes - {"after"} or decorators.field_validators or len(validators) > 1:
        raise TypeError(
            f"{model.__name__}: one validator of the whole, after the fields, is what a struct can take over"
        )
    if validators and model not in _LEFT_TO_BUILDERS:
        namespace["__post_init__"] = validators[0]
    return namespace


def _type(annotation: Any) -> tuple[Any, _Places]:
    """Translate an annotation; give the patterns of the texts in it, too."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _constrained(*arguments)
    if origin in (Union, UnionType):
        # Optional: a null is as good as nothing to a model, but written again it has to be there.
        (bare,) = (argument for argument in arguments if argument is not NoneType)
        return _type(bare)
    if origin is list:
        kind, inner = _type(arguments[0])
        return list[kind], [(pattern, ("*", *path)) for pattern, path in inner]  # type: ignore[valid-type]
    if annotation is float:
        return _number(-_LARGEST_NUMBER, _LARGEST_NUMBER), []
    if origin is Literal or annotation in (str, int, bool):
        return annotation, []
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _struct(annotation)
    raise TypeError(f"{annotation} has no counterpart in a struct")


def _number(least: float, most: float) -> Any:
    """Give the type of a number that stays what it was written as, whole or not."""
    whole = Annotated[int, msgspec.Meta(ge=ceil(least), le=floor(most))]
    return whole | Annotated[float, msgspec.Meta(ge=least, le=most)]


def _constrained(bare: Any, *constraints: Any) -> tuple[Any, _Places]:
    """Translate bounds and lengths; patterns are left to `Memo`, some to others."""
    kind, places = _type(bare)
    bounds: dict[str, Any] = {}
    for constraint in _flat(constraints):
        match constraint:
            case Ge(ge=bound):
                bounds["ge"] = bound
            case Le(le=bound):
                bounds["le"] = bound
            case MinLen(min_length=length):
                bounds["min_length"] = length
            case MaxLen(max_length=length):
                bounds["max_length"] = length
            case str(pattern):
                places = places if pattern == events.TIME_PATTERN else [*places, (pattern, ())]
            case AllowInfNan():  # JSON holds no others
                pass
            case _:
                raise TypeError(f"{constraint} has no counterpart in a struct")
    if bare is float and bounds:
        return _number(bounds["ge"], bounds["le"]), places
    return Annotated[kind, msgspec.Meta(**bounds)] if bounds else kind, places


def _flat(constraints: Iterable[Any]) -> Iterator[Any]:
    """Give bounds and lengths one by one, and patterns as bare strings."""
    for constraint in constraints:
        if isinstance(constraint, StringConstraints):
            yield from (part for part in constraint if isinstance(part, MinLen | MaxLen))
            if constraint.pattern is not None:
                yield constraint.pattern
        elif isinstance(constraint, FieldInfo):
            yield from constraint.metadata
        else:
            yield constraint


SHAPES: Final = tuple(Shape(model) for model in events.MODELS)

_ANY: Final[Any] = Union[tuple(shape.struct for shape in SHAPES)]  # noqa: UP007 - made of a tuple

decode: Final = msgspec.json.Decoder(_ANY).decode
"""Read an event from JSON as the struct of its type. Raises ValueError where the model has to be asked."""

encode: Final = msgspec.json.Encoder().encode
