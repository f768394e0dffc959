"""Deliberate breaks of the protocol, and what must turn red because of each.

A break replaces text in a copy of the package, and fails loudly where the text is not there any more. What must
turn red is a scenario (on the store alone) or a named test (on the broker).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("megdt_stream", "tests", "seeds", "schemas", "pyproject.toml")
TRANSPORT = "tests/transport/test_transport.py"


class Break(NamedTuple):
    """What is broken, the replacements in one file, and who must notice: a scenario or a test's id."""

    what: str
    file: str
    changes: tuple[tuple[str, str], ...]
    noticed_by: str


ON_STORE = (
    Break(
        "a commit is not fenced by its token",
        "runtime/lua/commit.lua",
        (("if own[1] ~= ARGV[2] then return {-1, own[2]} end", ""),),
        "a_rebuild_switches_the_view_under_a_working_worker",
    ),
    Break(
        "any cursor up to the batch's start will do",
        "runtime/lua/commit.lua",
        (("if own[2] ~= ARGV[3] then", "if tonumber(own[2]) > tonumber(ARGV[3]) then"),),
        "the_store_goes_back_under_a_working_worker",
    ),
    Break(
        "a partition's cache is kept over a rebalance",
        "runtime/mirror_stage.py",
        (
            (
                "if claim.state is None:\n",
                "claim.state = claim.state or getattr(self, '_kept', None)\n        if not claim.state:\n",
            ),
            ("partition: Partition = claim.state", "self._kept = partition = claim.state"),
        ),
        "a_partition_goes_to_another_worker_and_comes_back",
    ),
    Break(
        "a commit sent again is carried out again",
        "runtime/lua/commit.lua",
        (("if own[2] == ARGV[4] then return {2} end\n  return {-2, own[2]}", ""),),
        "a_reply_is_lost_and_the_commit_sent_again",
    ),
    Break(
        "the outbox is cleared before it is published",
        "runtime/relay.py",
        (
            (
                "                await self._producer.write([self._entry(",
                "                await self._clear(handed)\n                await self._producer.write([self._entry(",
            ),
        ),
        "a_worker_dies_between_commit_and_relay",
    ),
    Break(
        "the outbox is cleared by count",
        "runtime/store.py",
        (
            (
                'await self.call("ZREM", keys.outbox(partition), *members)',
                'await self.call("ZPOPMIN", keys.outbox(partition), len(members))',
            ),
        ),
        "a_relay_wakes_up_after_the_next_owner_went_on",
    ),
    Break(
        "intake acknowledges before it produces",
        "runtime/intake_stage.py",
        (
            (
                "await while_claimed(claim, lambda: self._producer.write(proposal.entries), self._watch.log_failed)",
                "",
            ),
            (
                '        _insist(verdict, claim)\n        reach("I4")\n',
                "        _insist(verdict, claim)\n        await self._producer.write(proposal.entries)\n",
            ),
        ),
        "intake_dies_while_it_produces",
    ),
    Break(
        "the mirror does not know a re-delivery",
        "mirror/folding.py",
        (("if offset <= seen.get(source, -1):", "if False:"),),
        "intake_dies_after_producing_and_before_settling",
    ),
    Break(
        "a record is taken without looking whether it is known",
        "twin/fold.py",
        (
            (
                "    if not row:\n        given = contribution(fact)",
                "    if True:\n        given = contribution(fact)",
            ),
        ),
        "the_same_event_is_published_twice",
    ),
    Break(
        "intake decides anew what was decided before",
        "runtime/intake_stage.py",
        (("if pending is None:", "if True:"),),
        "intake_dies_and_the_next_one_has_other_seeds",
    ),
)

ON_BROKER = (
    Break(
        "a hole is accepted at first sight",
        "runtime/transport.py",
        (
            (
                "if claim.reseeks <= (TRANSACTION_RESEEKS if transactional else MAX_RESEEKS):",
                "if claim.reseeks:\n            return True\n        if False:",
            ),
        ),
        f"{TRANSPORT}::test_a_hole_is_read_again_and_nothing_is_lost",
    ),
    Break(
        "holes inside a poll are not looked for",
        "runtime/transport.py",
        (("if tp.topic in self._holey or fetched", "if True or fetched"),),
        f"{TRANSPORT}::test_a_hole_that_stays_stops_the_worker",
    ),
    Break(
        "what was delivered before is delivered again",
        "runtime/transport.py",
        (("if fetched[0].offset < claim.next:", "if False:"),),
        f"{TRANSPORT}::test_what_a_fetch_repeats_is_cut_off",
    ),
    Break(
        "the group's offset runs ahead of what is applied",
        "runtime/transport.py",
        (
            (
                "return {tp: claim.applied for tp, claim in claims.items() if claim.applied >",
                "return {tp: claim.next for tp, claim in claims.items() if claim.next >",
            ),
        ),
        f"{TRANSPORT}::test_the_groups_offset_never_runs_ahead_of_what_is_applied",
    ),
    Break(
        "work resumes at the group's offset",
        "runtime/transport.py",
        (
            (
                "        return await self._claim(self.assignment())\n",
                "        await self._claim(self.assignment())\n        return await self._thread.seek_to_committed()\n",
            ),
        ),
        f"{TRANSPORT}::test_resumes_at_the_applied_offset_and_not_at_the_groups",
    ),
    Break(
        "a revoked claim stays valid",
        "runtime/transport.py",
        (("            claim.valid = False\n", ""),),
        f"{TRANSPORT}::test_a_member_that_joins_and_leaves_loses_nothing_and_late_commits_are_refused",
    ),
    Break(
        "a crash inside Faust goes unnoticed",
        "runtime/app.py",
        (("if worker.app.crashed and not worker.draining:", "if False:"),),
        "tests/faults/test_workers.py::test_a_defect_inside_faust_ends_the_worker_instead_of_leaving_it_deaf",
    ),
    Break(
        "a replay says again what was said before the store was lost",
        "runtime/mirror_stage.py",
        (("if changes.messages and batch.base < claim.taken.replay_until:", "if False:"),),
        "tests/faults/test_servers.py::test_a_store_that_lost_everything_is_filled_again_and_nobody_is_alerted_twice",
    ),
    Break(
        "a request goes out over a connection that is gone",
        "runtime/broken_connections.py",
        (("if self._writer is not None and self._writer.is_closing():", "if False:"),),
        "tests/transport/test_broken_connections.py"
        "::test_a_refresh_of_metadata_over_a_dead_connection_is_one_that_found_no_broker",
    ),
    Break(
        "who waits for a write is not told of an unforeseen error",
        "runtime/log_producer.py",
        (("except Exception as error:  # noqa: BLE001", "except Unavailable as error:  # noqa: BLE001"),),
        "tests/transport/test_log_producer.py::test_everybody_who_waits_is_told_of_an_error_that_nobody_foresaw",
    ),
)


def copy_package(folder: Path) -> None:
    """Copy what scenarios and tests need."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, target)


@contextmanager
def broken(folder: Path, what: Break) -> Iterator[None]:
    """Break the copy for as long as the block. Raises LookupError where the text is not there once."""
    path = folder / "megdt_stream" / what.file
    sound = text = path.read_text("utf-8")
    for old, new in what.changes:
        if text.count(old) != 1:
            raise LookupError(f"{what.file} has {text.count(old)} times {old!r}: bring the break up to date")
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    try:
        yield
    finally:
        path.write_text(sound, "utf-8")


def _run(folder: Path, arguments: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    # No bytecode: a break and its repair within one second would look the same age to the import system.
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MEGDT_", "PYTEST_"))}
    env = clean | environment | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=150, check=False)


def play(folder: Path, redis: str, names: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Play scenarios in the copy; give the checker's verdict on each."""
    ended = _run(folder, ["-W", "ignore", "-m", "tests.ablations.scenarios", redis, *names])
    lines = [line for line in ended.stdout.splitlines() if line.startswith('{"scenario"')]
    verdicts = {verdict["scenario"]: verdict for verdict in map(json.loads, lines)}
    if ended.returncode != 0 or (names and set(names) != set(verdicts)):
        raise RuntimeError(f"the scenarios did not end well: {ended.stderr[-2000:]}")
    return verdicts


def test(folder: Path, kafka: str, redis: str, tests: Sequence[str]) -> tuple[bool, str]:
    """Run tests in the copy on a running broker; tell whether they are green, and what they said."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "--timeout", "100"]
    ended = _run(folder, ["-m", "pytest", *options, *tests], MEGDT_TEST_KAFKA=kafka, MEGDT_TEST_REDIS=redis)
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"pytest exits {ended.returncode}: {ended.stdout[-2000:]}")
    return ended.returncode == 0, ended.stdout


test.__test__ = False  # type: ignore[attr-defined]
