"""`megdt rejects list|show|replay`: what was refused, why, and how it gets in after all."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import DataDir, Json, console, emit, examples, fail, out, say
from megdt_stream.evidence.reasons import REMEDY, Reason
from megdt_stream.evidence.times import rfc3339
from megdt_stream.evidence.topics import BY_NAME, BY_SHORT, INPUTS

if TYPE_CHECKING:
    from rich.text import Text

    from megdt_stream.evidence.reasons import Rejection
    from megdt_stream.runtime.rejects import Filter, Reject, RejectReader
    from megdt_stream.session import Session

_SAY_SECONDS: Final = 2.0
_MOST_GROUPS: Final = 10_000
_EXAMPLES: Final = 5
_OK, _AGAIN, _REFUSED = "ok", "rejected again", "cannot be replayed"
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Look at what was rejected and publish it again.")
    group.command(
        "list",
        epilog=examples(
            "megdt rejects list --since 2h",
            "megdt rejects list --reason unknown_scale --source /tms --json",
            "megdt rejects list --summary",
        ),
    )(list_)
    group.command(epilog=examples("megdt rejects show outcomes/0/17", "megdt rejects show outcomes/0/17 --json"))(show)
    group.command(
        epilog=examples(
            "megdt rejects replay --reason unknown_scale --dry-run",
            "megdt rejects replay --source /tms --since 2025-03-04T08:00:00+08:00",
            "megdt rejects replay --reason invalid --yes --json",
        ),
    )(replay)
    app.add_typer(group, name="rejects", rich_help_panel="Look at it")


# --- options ---


def _moment(text: str) -> int:
    """Read a time (ms): RFC 3339 with a zone, or how long ago, such as 90m, 2h, 7d."""
    amount, unit = text[:-1], text[-1:]
    if amount.isascii() and amount.isdigit() and unit in _UNITS:
        return max(0, int((time.time() - int(amount) * _UNITS[unit]) * 1000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter("a time such as 2025-03-04T08:00:00+08:00, or how long ago: 90m, 2h, 7d") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} has no zone: add one, as in {text}+08:00")
    return max(0, (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1))


def _topic(text: str) -> str:
    topic = BY_SHORT.get(text) or BY_NAME.get(text)
    if topic is None or topic not in INPUTS:
        raise typer.BadParameter(f"{text!r} is no input topic; one of {', '.join(one.short for one in INPUTS)}")
    return topic.short


ReasonOption = Annotated[
    list[Reason] | None,
    typer.Option(
        "--reason",
        metavar="REASON",
        help="Only this one, such as invalid or unknown_scale; may be given several times.",
        show_default=False,
    ),
]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="Only events of this source, as it names itself.", show_default=False)
]
SinceOption = Annotated[
    int | None,
    typer.Option(
        "--since",
        metavar="TIME|AGO",
        parser=_moment,
        help="Only what came since then: 2025-03-04T08:00:00+08:00, or 90m, 2h, 7d ago.",
        show_default=False,
    ),
]
TopicOption = Annotated[
    str | None,
    typer.Option("--topic", metavar="TOPIC", parser=_topic, help="Only this input topic.", show_default=False),
]


def _filter(reasons: list[Reason] | None, source: str | None, since: int | None, topic: str | None) -> Filter:
    from megdt_stream.runtime.rejects import Filter

    return Filter(frozenset(reason.value for reason in reasons or ()), source, topic, since)


# --- list ---


def list_(
    reason: ReasonOption = None,
    source: SourceOption = None,
    since: SinceOption = None,
    topic: TopicOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show the newest so many.")] = 50,
    summary: Annotated[bool, typer.Option("--summary", help="Count by reason and source instead.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List rejects, newest last: coordinates of the input, reason, path to the culprit, what is wrong, source, age.

    The topic keeps rejects for 90 days. One that was sent twice counts once.
    """
    found = _Found(limit)
    with _opened(data_dir) as session, _reader(session) as reader:
        for reject in reader.read(_filter(reason, source, since, topic), _saying()):
            found.add(reject)
        left_out = {"copies": reader.copies, "foreign": reader.foreign}
    if summary:
        _tell_summary(found, left_out, as_json)
    else:
        _tell_list(found, left_out, as_json)


@dataclass
class _Found:
    """The newest `limit` rejects without their values, and all counted by reason and source."""

    limit: int
    matched: int = 0
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    latest: dict[tuple[str, str], int] = field(default_factory=dict)
    _newest: list[tuple[int, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def add(self, reject: Reject) -> None:
        self.matched += 1
        group = reject.reason, reject.source
        if group not in self.counts and len(self.counts) >= _MOST_GROUPS:
            group = reject.reason, "(other sources)"
        self.counts[group] += 1
        self.latest[group] = max(self.latest.get(group, 0), reject.when)
        push = heapq.heappush if len(self._newest) < self.limit else heapq.heappushpop
        push(self._newest, (reject.when, tuple(reject.at), _row(reject)))

    @property
    def newest(self) -> list[dict[str, Any]]:
        """Give the newest, oldest of them first."""
        return [row for _, _, row in sorted(self._newest, key=lambda one: one[:2])]

    def by(self, index: int) -> dict[str, int]:
        """Count by reason (0) or source (1), most first."""
        total: Counter[str] = Counter()
        for group, n in self.counts.items():
            total[group[index]] += n
        return dict(total.most_common())


def _row(reject: Reject) -> dict[str, Any]:
    own = reject.headers
    return {
        "at": str(reject.at),
        "reason": reject.reason,
        "path": own.get("path", ""),
        "detail": own.get("detail", ""),
        "source": reject.source,
        "stage": own.get("stage", ""),
        "form": reject.form,
        "time": rfc3339(reject.when),
        "bytes": len(reject.value),
    }


def _tell_list(found: _Found, left_out: dict[str, int], as_json: bool) -> None:
    rows = found.newest
    if as_json:
        emit({"matched": found.matched, "shown": len(rows), **left_out, "rejects": rows})
        return
    if not rows:
        out("no rejects" + _and(left_out))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, most in (("at", None), ("reason", None), ("path", 24), ("detail", None), ("source", 28), ("age", None)):
        table.add_column(name, overflow="fold" if most is None else "ellipsis", max_width=most)
    for row in rows:
        age = _age(row["time"])
        table.add_row(*(_text(row[name]) for name in ("at", "reason", "path", "detail", "source")), age)
    out(table)
    say(f"{len(rows):,} of {found.matched:,} rejects{_and(left_out)}; `megdt rejects show {rows[-1]['at']}` shows one")


def _tell_summary(found: _Found, left_out: dict[str, int], as_json: bool) -> None:
    groups = [
        {"reason": reason, "source": source, "count": n, "latest": rfc3339(found.latest[reason, source])}
        for (reason, source), n in found.counts.most_common()
    ]
    if as_json:
        totals = {"by_reason": found.by(0), "by_source": found.by(1)}
        emit({"matched": found.matched, **left_out, **totals, "groups": groups})
        return
    if not groups:
        out("no rejects" + _and(left_out))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("reason", "source", "count", "latest"):
        table.add_column(name, justify="right" if name == "count" else "left", overflow="fold")
    for group in groups[: found.limit]:
        when = _age(str(group["latest"]))
        table.add_row(_text(str(group["reason"])), _text(str(group["source"])), f"{group['count']:,}", when)
    out(table)
    more = f"; {len(groups) - found.limit:,} more groups by --limit" if len(groups) > found.limit else ""
    say(f"{found.matched:,} rejects{_and(left_out)}{more}")
    for reason in found.by(0):
        say(_printable(f"{reason}: {_remedy(reason)}"))


def _and(left_out: dict[str, int]) -> str:
    parts = [
        f"{left_out['copies']:,} copies not counted" if left_out["copies"] else "",
        f"{left_out['foreign']:,} records that are no rejects" if left_out["foreign"] else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f" ({said})" if said else ""


# --- show ---


def show(
    coordinate: Annotated[
        str, typer.Argument(metavar="COORDINATE", help="Topic, partition and offset of the input: outcomes/0/17.")
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show one reject: why, what to do about it, all headers, and the payload as far as it was kept."""
    from megdt_stream.runtime.rejects import place

    try:
        at = place(coordinate)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="COORDINATE") from error
    with _opened(data_dir) as session, _reader(session) as reader:
        reject = reader.find(at, _saying())
    if reject is None:
        fail(
            [f"there is no reject of {at}: the input was accepted, is still waiting, or was rejected over 90 days ago"]
        )
        return
    if as_json:
        emit(_whole(reject))
    else:
        _tell(reject)


def _remedy(reason: str) -> str:
    return REMEDY[Reason(reason)] if reason in set(Reason) else "a reason that this version does not know"


def _whole(reject: Reject) -> dict[str, Any]:
    from megdt_stream.runtime.rejects import refusal

    return {
        **_row(reject),
        "remedy": _remedy(reject.reason),
        "replayable": reject.form == "original",
        "refusal": refusal(reject) or None,
        "headers": {f"megdt-{name}": text for name, text in reject.headers.items()},
        "input_headers": [{"name": name, **_bytes(value)} for name, value in reject.input_headers],
        "payload": _bytes(reject.value),
    }


def _bytes(value: bytes) -> dict[str, str]:
    import base64

    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _tell(reject: Reject) -> None:
    from rich.table import Table
    from rich.text import Text

    from megdt_stream.cli.payload import pretty
    from megdt_stream.runtime.rejects import refusal

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("at", _text(str(reject.at)))
    grid.add_row("reason", _text(reject.reason))
    grid.add_row("remedy", _text(_remedy(reject.reason)))
    for name, text in reject.headers.items():
        if name != "reason" and text:
            grid.add_row(f"megdt-{name}", _text(text))
    for name, value in reject.input_headers:
        grid.add_row(_text(f"input header {name}"), _text(value.decode("utf-8", "backslashreplace")))
    grid.add_row("replay", _text(refusal(reject) or "can be published again with `megdt rejects replay`"))
    out(grid, "")
    kept = {"redacted": "redacted payload: the original was not kept", "reference": "no payload was kept"}
    size = f"{len(reject.value):,} bytes"
    out(_text(f"{kept.get(reject.form, f'{reject.form} payload')}, {size}", style="bold"))
    shown, cut = pretty(reject.value)
    out(Text(shown))
    if cut:
        out(_text("... cut here; --json gives all of it", style="dim"))


# --- replay ---


def replay(
    reason: ReasonOption = None,
    source: SourceOption = None,
    since: SinceOption = None,
    topic: TopicOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.", show_default="all")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each today.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also those that would be rejected again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Publish rejected originals again, with their key and headers, to the topic they came on.

    Each is judged first by the rules and seeds found here; what they reject again is left out.

    Harmless to repeat: what was accepted meanwhile becomes a duplicate.

    Exit code 1 when something that was meant was not sent, or, with --dry-run, would not be accepted.
    """
    if as_json and not (yes or dry_run):
        raise typer.BadParameter("nothing is asked with --json: add --yes or --dry-run")
    from megdt_stream.runtime.rejects import judge
    from megdt_stream.seed_files import load_reference

    begun = time.monotonic()
    wanted = _filter(reason, source, since, topic)
    with _opened(data_dir, worker=not dry_run) as session, _reader(session) as reader:
        reference, now = load_reference(session.settings.seeds_dir), int(time.time() * 1000)
        plan = _Plan(lambda reject: judge(reject, reference, now), force, limit)
        for reject in plan.within(reader.read(wanted, _saying())):
            plan.weigh(reject)
        result = plan.report() | {"dry_run": dry_run, "published": 0, "applied": False}
        if plan.sendable and not dry_run and (yes or _agreed(result, plan.sendable)):
            result |= _send(session, plan.again(reader.read(wanted)))
    result["seconds"] = round(time.monotonic() - begun, 1)
    if as_json:
        emit(result)
    else:
        _tell_replay(result)
    raise typer.Exit(0 if result["matched"] == result["ok" if dry_run else "published"] else 1)


def _agreed(result: dict[str, Any], n: int) -> bool:
    _tell_verdicts(result)
    return typer.confirm(f"Publish {n:,} again?", err=True)


def _send(session: Session, rejects: Iterator[Reject]) -> dict[str, Any]:
    from megdt_stream.runtime.rejects import Replayer

    before = _outcomes(session)
    tell = _saying()
    with Replayer(session.kafka, session.security) as replayer:
        for reject in rejects:
            replayer.publish(reject)
            tell(replayer.published, 0)
    sent = {"published": replayer.published, "applied": session.has_worker}
    if not session.has_worker:
        return sent
    session.settle()
    after = _outcomes(session)
    return sent | {"outcome": {name: after[name] - before[name] for name in after}}


def _outcomes(session: Session) -> dict[str, int]:
    """Give the store's counts; none where nobody waits for what becomes of a replay."""
    if not session.has_worker:
        return {}
    with session.query() as query:
        flows = list(query.flow().values())
    return {name: sum(getattr(flow, name) for flow in flows) for name in ("accepted", "duplicate", "rejected")}


def _tell_replay(result: dict[str, Any]) -> None:
    if result["dry_run"] or not result["published"]:
        _tell_verdicts(result)
    if result["dry_run"]:
        out(f"{result['ok']:,} of {result['matched']:,} would be accepted today")
        return
    out(f"published {result['published']:,} of {result['matched']:,}")
    if result["published"] and not result["applied"]:
        say("the workers of these servers apply them; `megdt verify --wait 60` tells when they have")
    if "outcome" in result:
        out(", ".join(f"{n:,} {name}" for name, n in result["outcome"].items()))


def _tell_verdicts(result: dict[str, Any]) -> None:
    from rich.table import Table

    if not result["by_reason"]:
        say("no rejects are meant")
        return
    names = ("ok", "rejected again", "cannot be replayed")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("rejected as")
    for name in names:
        table.add_column(name, justify="right")
    for reason, counts in result["by_reason"].items():
        table.add_row(_text(reason), *(f"{counts.get(name, 0):,}" for name in names))
    console(err=True).print(table)
    for example in result["examples"]:
        say(_printable("rejected again: {at} {reason} {path} {detail}".format(**example)))
    if result["examples"]:
        say("by the rules and seeds found here; --force publishes those too")
    for note in result["notes"]:
        say(_printable(note))


@dataclass
class _Plan:
    """What a replay will do with each reject that is meant; the same for a second reading. Counts the first."""

    judge: Callable[[Reject], Rejection | None]
    force: bool
    limit: int | None
    matched: int = 0
    sendable: int = 0
    by_reason: dict[str, Counter[str]] = field(default_factory=dict)
    rejected_again: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, str]] = field(default_factory=list)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    def within(self, rejects: Iterator[Reject]) -> Iterator[Reject]:
        """Give so many as were asked for."""
        return islice(rejects, self.limit)

    def weigh(self, reject: Reject) -> None:
        """Count one."""
        from megdt_stream.runtime.rejects import refusal

        self.matched += 1
        verdict, rejection = self._verdict(reject)
        self.sendable += self._sends(verdict)
        self.by_reason.setdefault(reject.reason, Counter())[verdict] += 1
        if rejection is not None:
            self.rejected_again[rejection.reason.value] += 1
            if len(self.examples) < _EXAMPLES:
                found = {"at": str(reject.at), "reason": rejection.reason.value}
                self.examples.append(found | {"path": rejection.path, "detail": rejection.detail})
        elif verdict == _REFUSED:
            self.notes.setdefault((reject.form, reject.reason), f"{reject.at}: {refusal(reject)}")

    def again(self, rejects: Iterator[Reject]) -> Iterator[Reject]:
        """Give those to be sent of a second reading."""
        return (reject for reject in self.within(rejects) if self._sends(self._verdict(reject)[0]))

    def _sends(self, verdict: str) -> bool:
        return verdict == _OK or (self.force and verdict == _AGAIN)

    def _verdict(self, reject: Reject) -> tuple[str, Rejection | None]:
        from megdt_stream.runtime.rejects import refusal

        if refusal(reject):
            return _REFUSED, None
        rejection = self.judge(reject)
        return (_OK, None) if rejection is None else (_AGAIN, rejection)

    def report(self) -> dict[str, Any]:
        """Give what is known before anything is sent."""
        total: Counter[str] = sum(self.by_reason.values(), Counter())
        return {
            "matched": self.matched,
            "ok": total[_OK],
            "refused": total[_REFUSED],
            "rejected_again": dict(self.rejected_again.most_common()),
            "by_reason": {reason: dict(counts) for reason, counts in sorted(self.by_reason.items())},
            "examples": self.examples,
            "notes": list(self.notes.values()),
        }


# --- shared ---


@contextmanager
def _opened(data_dir: Path | None, *, worker: bool = False) -> Iterator[Session]:
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.session import open_session

    with open_session(worker=worker, data_dir=data_dir, progress=ConsoleProgress(console(err=True))) as session:
        yield session


def _reader(session: Session) -> RejectReader:
    from megdt_stream.runtime.rejects import RejectReader

    return RejectReader(session.kafka, session.security)


def _saying() -> Callable[[int, int], None]:
    """Say now and then how far the work is."""
    last = [time.monotonic()]

    def progress(done: int, total: int) -> None:
        if time.monotonic() - last[0] >= _SAY_SECONDS:
            last[0] = time.monotonic()
            say(f"{done:,}" + (f" of {total:,} records read" if total else " published"))

    return progress


def _age(when: str) -> str:
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(when)).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _printable(text: str) -> str:
    from megdt_stream.cli.payload import printable

    return printable(text)


def _text(text: str, style: str = "") -> Text:
    """Make a cell of what may hold anything: neither markup nor control characters act."""
    from rich.text import Text

    return Text(_printable(text), style=style)
