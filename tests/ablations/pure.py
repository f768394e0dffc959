"""Break the pure parts on purpose, one line at a time, and see that a test notices.

Run as `python -m tests.ablations.pure [word]`: works on a copy, prints one line an ablation, exits 1 when a broken line
goes unnoticed or is not in the code any more. Needs no broker; those named `stack` start a Redis of their own.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("megdt_stream", "tests", "seeds", "schemas", "pyproject.toml")


class Ablation(NamedTuple):
    """A line of the code, what stands there instead, and the tests that must fail."""

    what: str
    file: str
    old: str
    new: str
    tests: str


ABLATIONS = (
    Ablation(
        "loop: a gain counts for everybody",
        "synth/people.py",
        "tuple(lift for lift in plan.lifts if lift.trainee == index)",
        "plan.lifts",
        "tests/demo/loop/test_account.py",
    ),
    Ablation(
        "loop: lots are drawn from all",
        "demo/loop/account.py",
        'given.considered if among == "considered" else range(len(without))',
        "range(len(without))",
        "tests/demo/loop/test_account.py",
    ),
    Ablation(
        "loop: thin evidence is not said",
        "demo/loop/report.py",
        "if one.undecided:",
        "if False:",
        "tests/demo/loop/test_account.py",
    ),
    Ablation(
        "an older image takes a newer one's place",
        "twin/entities/image.py",
        'max(found.get(place, b""), stored(one.image))',
        "stored(one.image)",
        "tests/mirror/test_contributing.py",
    ),
    Ablation(
        "who leaves an entity stays in it",
        "twin/entities/image.py",
        "yield entity_of(name), NOTHING",
        "yield from ()",
        "tests/mirror/test_contributing.py",
    ),
    Ablation(
        "who was touched is forgotten when the partition is taken again",
        "runtime/memory.py",
        "touched = dict.fromkeys(sorted(view.touched))",
        "touched = {}",
        "tests/mirror/test_contributing.py",
    ),
    Ablation(
        "an older model comes into force again",
        "mirror/work.py",
        "if said.kind not in active or new > active[said.kind]:",
        "if True:",
        "tests/mirror/test_activation.py",
    ),
    Ablation(
        "an altered snapshot is read",
        "evidence/snapshots.py",
        "or digest(value) != listed.digest",
        "",
        "tests/evidence/test_snapshots.py",
    ),
    Ablation(
        "a period that fills a segment is not noticed while fields wait",
        "twin/layout.py",
        "return closed + len(self.waiting) + more < SEGMENT",
        "return True",
        "tests/twin/test_resting.py",
    ),
    Ablation(
        "a contributor that has told enough goes on",
        "runtime/contributor.py",
        "partition.to_tell -= len(some)",
        "pass",
        "tests/runtime_unit/test_contributor.py",
    ),
    Ablation(
        "a batch waits until everybody has told",
        "runtime/contributor.py",
        "            if self._wanted(claim):\n                return\n",
        "",
        "tests/runtime_unit/test_contributor.py",
    ),
    Ablation(
        "a chunk keeps what has moved",
        "twin/layout.py",
        "any(first < period <= last for period in changed)",
        "False",
        "tests/twin/test_resting.py",
    ),
    Ablation(
        "wide fields stay where they were",
        "twin/resting.py",
        "self.wide.difference(narrow).union(wide)",
        "self.wide.union(wide)",
        "tests/twin/test_resting.py",
    ),
    Ablation(
        "features look ahead",
        "evaluate/risk/play.py",
        "due[0][0] < outgoing.available",
        "due[0][0] < outgoing.available - 40 * DAY_MS",
        "tests/risk/test_evaluate.py",
    ),
    Ablation(
        "what is not due yet counts as missed",
        "calibration/risk/features.py",
        "if work.due <= now]",
        "if work.due]",
        "tests/risk/test_features.py",
    ),
    Ablation(
        "no number is a number",
        "calibration/risk/vocabulary.py",
        "if math.isnan(number):\n        return 0.0\n",
        "",
        "tests/risk/test_features.py",
    ),
    Ablation(
        "a closed cohort takes more",
        "calibration/risk/trainer.py",
        "if event.cohort in self._closed:",
        "if event is None:",
        "tests/risk/test_trainer.py",
    ),
    Ablation(
        "a cohort's level is learnt as everybody's",
        "calibration/risk/levels.py",
        "return np.full(len(self._at), COHORT_SD**2)",
        "return np.full(len(self._at), 1e-9)",
        "tests/risk/test_trainer.py",
    ),
    Ablation(
        "who was intervened on is learnt from",
        "calibration/risk/cohorts.py",
        "if member.intervened is not None:",
        "if member.intervened == -1:",
        "tests/risk/test_trainer.py",
    ),
    Ablation(
        "a cohort is learnt in the order of arrival",
        "calibration/risk/cohorts.py",
        "    closing.cuts.sort(key=_shuffled)\n",
        "",
        "tests/risk/test_trainer.py",
    ),
    Ablation(
        "a week sees what came later",
        "driver/weeks.py",
        "while self._held and self._held[0][0] <= self._next:",
        "while self._held:",
        "tests/risk/test_live.py",
    ),
    Ablation(
        "a cohort closes before its results are known",
        "calibration/risk/gathering.py",
        "for one in self._waiting if closes(one) <= at",
        "for one in self._waiting if closes(one) <= at + 1",
        "tests/risk/test_live.py",
    ),
    Ablation(
        "of whom nothing was heard all went well",
        "calibration/risk/outcomes.py",
        "False if followed else None",
        "False",
        "tests/risk/test_live.py",
    ),
    Ablation(
        "a model of few outcomes answers",
        "calibration/risk/answer.py",
        "and rarer >= FEWEST_OF_EACH",
        "and rarer >= 0",
        "tests/risk/test_live.py",
    ),
    Ablation(
        "what comes back in a circle is taken",
        "twin/person.py",
        " and name not in held.via",
        "",
        "tests/mirror/test_persons.py",
    ),
    Ablation(
        "a carried row is taken in any order",
        "twin/person.py",
        "and (known is None or seq >= known.seq)",
        "",
        "tests/mirror/test_persons.py",
    ),
    Ablation(
        "a register goes back",
        "twin/person.py",
        'if state == "some" or seq <= register.base:',
        'if state == "some":',
        "tests/mirror/test_persons.py",
    ),
    Ablation(
        "an own slot is lost behind a carried one",
        "twin/person.py",
        "covered = {} if own is None or stands == own else dict(own.slots)",
        "covered = {}",
        "tests/mirror/test_persons.py",
    ),
    Ablation(
        "the old head is not told",
        "mirror/carrying.py",
        "if head is not None:\n        _carry(",
        "if False:\n        _carry(",
        "tests/mirror/test_persons.py",
    ),
    Ablation(
        "what is forgotten is kept",
        "mirror/carrying.py",
        "held.seq < register.base",
        "False",
        "tests/mirror/test_persons.py",
    ),
    Ablation(
        "rules speak for pseudonyms",
        "governance/overdue.py",
        "if twin.head is not None:",
        "if False:",
        "tests/mirror/test_persons.py",
    ),
    Ablation(
        "depth is not counted",
        "evidence/json_text.py",
        "_deeper_than(levels, bare)",
        "False",
        "tests/evidence/test_hostile.py",
    ),
    Ablation(
        "wide integers pass",
        "evidence/json_text.py",
        "any(map(_too_wide",
        "not all(map(bool",
        "tests/evidence/test_hostile.py",
    ),
    Ablation(
        "strings are looked into",
        "evidence/json_text.py",
        "bare = _without_strings(value)",
        "bare = value",
        "tests/evidence/test_hostile.py",
    ),
    Ablation(
        "size is not capped", "evidence/intake.py", "> MAX_EVENT_BYTES:", "> 10**9:", "tests/evidence/test_hostile.py"
    ),
    Ablation(
        "+05:99 is an offset",
        "evidence/times.py",
        '_HOUR_OF_DAY[zone[1:3]] + _CLOCK[f"{zone[3:]}:00"]',
        "int(zone[1:3]) * 60 * MINUTE_MS + int(zone[4:6]) * MINUTE_MS",
        "tests/evidence/test_times.py",
    ),
    Ablation(
        "milliseconds are rounded",
        "evidence/times.py",
        'int((fraction or "0")[:3].ljust(3, "0"))',
        'round(float(f"0.{fraction or 0}") * 1000)',
        "tests/evidence/test_times.py",
    ),
    Ablation(
        "keys are not sorted",
        "evidence/intake.py",
        "option=orjson.OPT_SORT_KEYS",
        "option=None",
        "tests/evidence/test_contract.py",
    ),
    Ablation(
        "numbers may be text",
        "evidence/events.py",
        "strict=True, frozen=True",
        "strict=False, frozen=True",
        "tests/evidence/test_contract.py",
    ),
    Ablation(
        "levels are cut off",
        "evidence/reference/scales.py",
        "+ 500) // 1000",
        ") // 1000",
        "tests/evidence/test_scales.py",
    ),
    Ablation(
        "one language is enough",
        "evidence/reference/fields.py",
        "Field(min_length=2)",
        "Field(min_length=1)",
        "tests/evidence/test_scales.py",
    ),
    Ablation("another hash", "evidence/partition.py", "0x9747B28C", "0x9747B28D", "tests/evidence/test_partition.py"),
    Ablation(
        "the larger digest stands",
        "twin/fold.py",
        "if digest >= same.digest",
        "if digest <= same.digest",
        "tests/twin/test_order.py",
    ),
    Ablation(
        "what came last stands",
        "twin/fold.py",
        "before.rev > fact.rev",
        "False",
        "tests/twin/test_order.py",
    ),
    Ablation("zero sums stay", "twin/fold.py", "if value[0]:", "if True:", "tests/twin/test_order.py"),
    Ablation(
        "versions are not counted", "twin/fold.py", ">= MAX_VERSIONS", "> MAX_VERSIONS", "tests/twin/test_state.py"
    ),
    Ablation(
        "steps as they came",
        "twin/rotation.py",
        "sorted(slots.items(), key=_order)",
        "list(slots.items())",
        "tests/twin/test_state.py",
    ),
    Ablation(
        "silence empties the plan",
        "twin/rotation.py",
        "[old if new is None else new for",
        "[new for",
        "tests/twin/test_state.py",
    ),
    Ablation(
        "cancelled rotations expect", "twin/rotation.py", "if self.status == CANCELLED", "if False", "tests/governance"
    ),
    Ablation("grace is left out", "governance/overdue.py", "expected[2] + grace_ms", "expected[2]", "tests/governance"),
    Ablation("a tick of grace more", "governance/overdue.py", "now >= limit", "now > limit", "tests/governance"),
    Ablation(
        "closed warnings are forgotten",
        "governance/overdue.py",
        "for field in twin.standing if",
        "for field in () if",
        "tests/governance",
    ),
    Ablation(
        "closed in any order",
        "governance/overdue.py",
        "keys += sorted(",
        "keys += list(",
        "tests/governance",
    ),
    Ablation("ids without the cause", "governance/notice.py", "str(cause.offset),", '"",', "tests/governance"),
    Ablation(
        "re-deliveries count",
        "mirror/folding.py",
        "if offset <= seen.get(source, -1):",
        "if False:",
        "tests/mirror/test_step.py",
    ),
    Ablation(
        "time runs backwards",
        "mirror/rules.py",
        "if tick.at <= partition.now:",
        "if tick.at == partition.now:",
        "tests/mirror/test_step.py",
    ),
    Ablation(
        "rows of this batch are forgotten",
        "mirror/work.py",
        "changes.rows.get(key) or self.rows",
        "self.rows",
        "tests/mirror/test_step.py",
    ),
    Ablation(
        "ticks ask for no twins",
        "mirror/reading.py",
        "and earliest <= latest",
        "and earliest > latest",
        "tests/mirror/test_step.py",
    ),
    Ablation(
        "moved deadlines are taken",
        "mirror/deadlines.py",
        "if self._due.get(member) == due:\n                del",
        "if member in self._due:\n                del",
        "tests/mirror/test_deadlines.py",
    ),
    Ablation(
        "rejects without partition",
        "mirror/rejecting.py",
        "work.partition.number, entry.offset",
        "-1, entry.offset",
        "tests/mirror/test_step.py",
    ),
    Ablation(
        "tags as they come",
        "store_keys.py",
        "== stretch",
        ">= 0",
        "tests/runtime_unit/test_keys.py",
    ),
    Ablation(
        "the past counts for ever",
        "runtime/reject_guard.py",
        ">= self._events:\n            gone",
        ">= 10**9:\n            gone",
        "tests/runtime_unit/test_reject_guard.py",
    ),
    Ablation(
        "those behind do not hold time",
        "runtime/ticker.py",
        "slowest = min(behind)",
        "slowest = max(behind)",
        "tests/runtime_unit/test_ticker.py",
    ),
    Ablation(
        "own scores count twice",
        "twin/estimate.py",
        "    if share is not None:\n        mean, covariance = cavity",
        "    if False:\n        mean, covariance = cavity",
        "tests/twin/test_estimate.py",
    ),
    Ablation(
        "errors of raters are independent",
        "twin/estimate.py",
        "covariance[np.array(here)[:, None], here] = block.covariance[index[:, None], index]",
        "covariance[here, here] = block.covariance[index, index]",
        "tests/twin/test_estimate.py",
    ),
    Ablation(
        "a stale contribution wins",
        "twin/entities/state.py",
        "if (revision, pack(part)) <= (before.revision, pack(before.part)):",
        "if False:",
        "tests/entities/test_state.py",
    ),
    Ablation(
        "a single hidden group is left alone",
        "twin/entities/suppression.py",
        "while kept_back and told and",
        "while False and",
        "tests/entities/test_suppression.py",
    ),
    Ablation(
        "the past knows what came later",
        "driver/replay.py",
        "and one.fact.available <= at)",
        ")",
        "tests/driver/test_replay.py",
    ),
    Ablation(
        "stack: any offset may commit",
        "runtime/lua/commit.lua",
        "return {-2, own[2]}",
        "",
        "tests/runtime_unit/test_store.py",
    ),
    Ablation(
        "stack: types are not looked at",
        "runtime/lua/commit.lua",
        "if wrong then return wrong end",
        "",
        "tests/runtime_unit/test_store.py",
    ),
    Ablation(
        "stack: counters are not looked at",
        "runtime/lua/commit.lua",
        "if n and not",
        "if false and not",
        "tests/runtime_unit/test_store.py",
    ),
    Ablation(
        "stack: any token may settle",
        "runtime/lua/settle.lua",
        "if own[1] ~= ARGV[1]",
        "if false",
        "tests/runtime_unit/test_store.py",
    ),
    Ablation(
        "stack: generations do not matter",
        "runtime/lua/take.lua",
        "and stored[1] ~= ARGV[6]",
        "and false",
        "tests/runtime_unit/test_store.py",
    ),
    Ablation(
        "stack: twins of any format are taken",
        "runtime/lua/take.lua",
        "if format ~= ARGV[8] then",
        "if false then",
        "tests/runtime_unit/test_store.py",
    ),
    Ablation(
        "rehearsal: beds are without end",
        "scenario/dynamics.py",
        "if (totals <= fits).all():",
        "if True:",
        "tests/scenario/test_dynamics.py",
    ),
    Ablation(
        "rehearsal: the limit of hours is ignored",
        "scenario/dynamics.py",
        "        np.minimum(seen, most, out=seen)\n",
        "",
        "tests/scenario/test_dynamics.py",
    ),
    Ablation(
        "rehearsal: teachers are not shared",
        "scenario/dynamics.py",
        "np.minimum(left / needed, 1)",
        "np.minimum(left / np.float32(1), 1)",
        "tests/scenario/test_dynamics.py",
    ),
    Ablation(
        "rehearsal: who is away learns",
        "scenario/dynamics.py",
        "        faster *= here.present\n",
        "",
        "tests/scenario/test_dynamics.py",
    ),
    Ablation(
        "rehearsal: a second course has its effect again",
        "scenario/queueing.py",
        "before = np.minimum(served, _F(one.full))",
        "before = served.copy()",
        "tests/scenario/test_dynamics.py",
    ),
    Ablation(
        "rehearsal: teachers' hours are not checked",
        "scenario/plan.py",
        "    _check_faculty(world, plan)\n    return plan",
        "    return plan",
        "tests/scenario/test_schemes.py",
    ),
    Ablation(
        "rehearsal: circles of dates are followed",
        "scenario/timing.py",
        "    if number in path:",
        "    if number in path[:-50]:",
        "tests/scenario/test_schemes.py",
    ),
    Ablation(
        "rehearsal: small groups are told",
        "scenario/measures.py",
        "if sizes[number] >= SMALLEST",
        "if sizes[number]",
        "tests/scenario/test_results.py",
    ),
    Ablation(
        "rehearsal: all draws have one chance",
        "scenario/chance.py",
        "SeedSequence((seed, draw))",
        "SeedSequence((seed, 0))",
        "tests/scenario/test_dynamics.py",
    ),
    Ablation(
        "controls are not weighted",
        "governance/effects/observed.py",
        "balanced(levels[0][control], odds[control], levels[0][~control].mean(axis=0))",
        "1 / control.sum()",
        "tests/effects/test_observed.py",
    ),
    Ablation(
        "outcomes are not regressed",
        "governance/effects/observed.py",
        "left = y - followed(levels, y, control, odds, fold)",
        "left = y",
        "tests/effects/test_observed.py",
    ),
    Ablation(
        "the logged propensity is not used",
        "governance/effects/logged.py",
        "z, p = log.offered, log.propensity",
        "z, p = log.offered, log.offered * 0 + log.offered.mean()",
        "tests/effects/test_logged.py",
    ),
    Ablation(
        "takers are compared with others",
        "governance/effects/logged.py",
        "z, p = log.offered, log.propensity",
        "z, p = log.taken, 0 * log.propensity + log.taken.mean()",
        "tests/effects/test_logged.py",
    ),
    Ablation(
        "a prior is held on to",
        "governance/effects/combining.py",
        "TRUST: Final = 0.8",
        "TRUST: Final = 0.999999",
        "tests/effects/test_combining.py",
    ),
    Ablation(
        "what trainees take is free",
        "governance/advice/capacity.py",
        "left += max(0.0, capacity - share * max(",
        "left += max(0.0, capacity - 0 * max(",
        "tests/advice/test_capacity.py",
    ),
    Ablation(
        "what has run out is still booked",
        "governance/advice/ledger.py",
        "        if ends <= now:",
        "        if ends < 0:",
        "tests/advice/test_capacity.py",
    ),
    Ablation(
        "a turn is advised on again",
        "runtime/advisor_stage.py",
        "turn if turn > max(0, int(settled or 0)) else None",
        "turn if turn > 0 else None",
        "tests/runtime_unit/test_advisor_stage.py",
    ),
    Ablation(
        "a decision moves the clock of played history",
        "cli/deciding.py",
        '{"time": reached, "available": reached, "recorded": wall}',
        '{"time": wall}',
        "tests/cli/test_deciding.py",
    ),
    Ablation(
        "resources are not counted",
        "governance/advice/choice.py",
        "limits.append(self._free.get(name, 0.0))",
        "limits.append(1e9)",
        "tests/advice/test_choice.py",
    ),
    Ablation(
        "groups are not looked at",
        "governance/advice/choice.py",
        "found.append(np.array([share - float(",
        "found.append(0 * np.array([share - float(",
        "tests/advice/test_choice.py",
    ),
    Ablation(
        "what was accepted is taken back",
        "governance/advice/ledger.py",
        "if entry is not None and entry.state == OPEN:",
        "if entry is not None:",
        "tests/advice/test_recommendation.py",
    ),
    Ablation(
        "a link does not hold the one before",
        "governance/audit.py",
        'f"{link.hash}|{place}',
        'f"{place}',
        "tests/advice/test_audit.py",
    ),
    Ablation(
        "a worker that takes over repeats what is open",
        "runtime/looking.py",
        'standing.open.setdefault(key, Open(at, event["id"]))',
        "pass",
        "tests/runtime_unit/test_group_rules.py",
    ),
    Ablation(
        "a decline is told beside the severe assessor it needs",
        "governance/linkage.py",
        "severe.get(name, 0) > margin",
        "severe.get(name, 0) < 0",
        "tests/governance/test_linkage.py",
    ),
    Ablation(
        "a missing form is told beside the silent source that it would come from",
        "governance/linkage.py",
        'return known.senders.get(data["item"], frozenset())',
        "return frozenset()",
        "tests/governance/test_linkage.py",
    ),
    Ablation(
        "a habit that has long gaps is called silence",
        "governance/groups/silence.py",
        "days >= max(terms.least_days, _TIMES * max(habit))",
        "days >= terms.least_days",
        "tests/governance/test_groups.py",
    ),
)


def copied(folder):
    """Copy what the tests need."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, target)


def exit_code(folder, tests):
    """Run tests in the copy."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=300).returncode


def tried(folder, ablation):
    """Apply an ablation, run its tests, take it back; say what happened."""
    path = folder / "megdt_stream" / ablation.file
    text = path.read_text("utf-8")
    if text.count(ablation.old) != 1:
        return "stale"
    path.write_text(text.replace(ablation.old, ablation.new), "utf-8")
    try:
        code = exit_code(folder, [ablation.tests])
    finally:
        path.write_text(text, "utf-8")
    return {0: "UNNOTICED", 1: "noticed"}.get(code, f"pytest exits {code}")


def main(word=""):
    """Try all ablations whose description contains a word."""
    bad = 0
    chosen = [ablation for ablation in ABLATIONS if word in ablation.what]
    with tempfile.TemporaryDirectory() as name:
        copied(Path(name))
        # A red test proves nothing where it was red before.
        if exit_code(Path(name), sorted({ablation.tests for ablation in chosen})):
            sys.stdout.write("the tests fail with nothing broken\n")
            return 1
        for ablation in chosen:
            outcome = tried(Path(name), ablation)
            bad += outcome != "noticed"
            sys.stdout.write(f"{outcome:10} {ablation.what} ({ablation.file})\n")
            sys.stdout.flush()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
