"""Warnings as people read them, and following their topic (docs/records.md, section 4)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import orjson
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.console.words import Words
from megdt_stream.errors import TopicMissing, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.twin.view import rfc3339

_KIND: Final = "megdt.warning."
_OPENING: Final = frozenset({"opened", "raised", "escalated"})
_CLOSING: Final = frozenset({"recovered", "cleared", "closed"})
_REMEMBERED: Final = 200_000
_SHOWN_EVIDENCE: Final = 5


class Notice(NamedTuple):
    """A notice as it came: its bytes, the event and its data."""

    raw: bytes
    event: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Give the id by which copies are recognised."""
        return str(self.event["id"])

    @property
    def opened(self) -> bool:
        """Tell whether it opens a warning or calls for it again; else one ended."""
        return self.what in _OPENING

    @property
    def what(self) -> str:
        """Give what became of the warning: opened, recovered, raised, escalated, cleared or closed."""
        return str(self.event["type"]).removeprefix(_KIND).removesuffix(".v1")

    @property
    def data(self) -> Mapping[str, Any]:
        """Give the warning's fields."""
        data: Mapping[str, Any] = self.event["data"]
        return data

    @property
    def about(self) -> str:
        """Give the trainee, or the kind and id of another entity."""
        entity = self.data.get("entity")
        return f"{entity['kind']} {entity['id']}" if entity else str(self.data["trainee"])

    @property
    def subject(self) -> tuple[str, str, str]:
        """Give what the warning is about: the trainee or entity, then rotation and item, or rule and horizon."""
        data = self.data
        if "rotation" in data:
            return self.about, data["rotation"], data["item"]
        return self.about, data["rule"], str(data["horizon_days"])


class Tally:
    """Counts notices, each id once, and keeps which warnings are open."""

    def __init__(self) -> None:
        self.opened = 0
        self.recovered = 0
        self.open: dict[tuple[str, str, str], Notice] = {}
        self._seen = Once()

    def add(self, notice: Notice) -> bool:
        """Count a notice; say no to a copy."""
        if not self._seen.first(notice.id):
            return False
        if notice.opened:
            self.opened += notice.what != "escalated"
            self.open[notice.subject] = notice
        else:
            self.recovered += 1
            self.open.pop(notice.subject, None)
        return True


class Once:
    """Recognises repeated ids among the latest 200,000, in bounded memory."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._ids: OrderedDict[str, None] = OrderedDict()

    def first(self, id_: str) -> bool:
        """Tell whether this id is new."""
        if id_ in self._ids:
            self._ids.move_to_end(id_)
            return False
        self._ids[id_] = None
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)
        return True


class NoticeReader:
    """Reads the alerts topic without a group. A context manager. Raises Unavailable, TopicMissing."""

    def __init__(self, kafka: str, security: Mapping[str, Any] | None = None, *, from_start: bool = True) -> None:
        self._kafka = kafka
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=kafka.split(","),
                group_id=None,
                enable_auto_commit=False,
                **(security or {}),
            )
        except (KafkaError, OSError) as error:
            raise Unavailable(f"no Kafka broker answers at {kafka} ({type(error).__name__})") from error
        try:
            self._start(from_start)
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def poll(self, seconds: float) -> list[Notice]:
        """Give what has come, waiting up to `seconds` for the first; copies are not dropped here."""
        try:
            batches = self._consumer.poll(timeout_ms=int(seconds * 1000))
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._kafka}: {error}") from error
        records = [record for batch in batches.values() for record in batch]
        return [notice for record in records if (notice := parse(record.value)) is not None]

    def rest(self) -> Iterator[Notice]:
        """Give everything up to the topic's end as it is now."""
        ends = self._consumer.end_offsets(self._places)
        deadline = time.monotonic() + 30
        while any(self._consumer.position(place) < end for place, end in ends.items()):
            yield from self.poll(0.5)
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka at {self._kafka} does not give the alerts it has")

    def _start(self, from_start: bool) -> None:
        name = topics.ALERTS.name
        numbers = self._consumer.partitions_for_topic(name)
        if not numbers:
            raise TopicMissing(f"the broker has no topic {name}")
        self._places = [TopicPartition(name, number) for number in sorted(numbers)]
        self._consumer.assign(self._places)
        if from_start:
            self._consumer.seek_to_beginning()
        else:
            # Positions are fixed now: what comes between this line and the first poll is not skipped.
            for place, end in self._consumer.end_offsets(self._places).items():
                self._consumer.seek(place, end)


def parse(value: bytes | None) -> Notice | None:
    """Read a notice; None for what is none (a record of another kind on the topic is not ours to judge)."""
    try:
        event = orjson.loads(value or b"")
        notice = Notice(value or b"", event)
        _ = notice.id, notice.subject, notice.data["reason"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return notice if notice.what in _OPENING | _CLOSING else None


def line(notice: Notice, words: Words, *, day: bool = True) -> Text:
    """Write a notice as one line."""
    mark, style = ("▲", "bold yellow") if notice.opened else ("✓", "green")
    if notice.what == "escalated":
        mark, style = "‼", "bold red"
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{mark} ", style=style)
    if day:
        text.append(f"{str(notice.event['time'])[:10]} ", style="dim")
    text.append(f"{notice.about} ", style="cyan")
    title = notice.data.get("title")
    if title and notice.what == "raised":
        text.append(f"{words.of(title)}: ")
    text.append(words.of(notice.data["reason"]))
    text.append(f"  {notice.data.get('rotation') or notice.id}", style="dim")
    return text


def in_full(notice: Notice, words: Words) -> RenderableType:
    """Tell a notice with reason, evidence, owner and next step, in both languages where there are two."""
    data = notice.data
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    state = words[notice.what]
    if data.get("title"):
        grid.add_row("", Group(*_both(data["title"], words)))
    grid.add_row(words["warning"], f"{data['rule']} v{data['rule_version']} · {state} · {words[data['severity']]}")
    grid.add_row(words["trainee"], " · ".join((notice.about, data.get("base") or "-", data.get("rotation") or "-")))
    grid.add_row(words["reason"], Group(*_both(data["reason"], words)))
    if data.get("probability") is not None:
        grid.add_row(words["how sure"], f"{100 * data['probability']:.0f} %")
    if data.get("precision"):
        grid.add_row("", Group(*_both(data["precision"], words)))
    grid.add_row(words["owner"], words[data["owner"]])
    grid.add_row(words["since"], rfc3339(data["since"]))
    grid.add_row(
        words["evidence"], _evidence(data["evidence"] or [{"h": name} for name in data.get("fields", ())], words)
    )
    grid.add_row(words["next step"], Group(*_both(data["next_step"], words)))
    return grid


def _both(texts: Mapping[str, str], words: Words) -> list[Text]:
    other = "en" if words.lang == "zh" else "zh"
    lines = [Text(words.of(texts))]
    if texts.get(other):
        lines.append(Text(texts[other], style="dim"))
    return lines


def _evidence(records: list[Mapping[str, str]], words: Words) -> Text:
    shown = [f"{r['source']} {r['id']}" if "id" in r else f"#{r['h']}" for r in records[:_SHOWN_EVIDENCE]]
    more = f" (+{len(records) - _SHOWN_EVIDENCE})" if len(records) > _SHOWN_EVIDENCE else ""
    return Text(f"{len(records)} {words['records']}: {', '.join(shown)}{more}")
