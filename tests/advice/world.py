"""Needs, effects and rounds for tests."""

from megdt_stream.governance.advice.capacity import STATED, Capacity
from megdt_stream.governance.advice.choice import Policy, choose
from megdt_stream.governance.advice.options import Need, options
from megdt_stream.governance.advice.recommendation import Names, Round, events
from megdt_stream.governance.effects.snapshot import snapshot
from megdt_stream.seed_files import load_interventions

SEEDS = load_interventions()
EFFECTS = snapshot(SEEDS)
NAMES = {str(kind): Names(one.name["en"], one.name["zh"]) for kind, one in SEEDS.kinds.items()}
NOW = 1_750_000_000_000
SD = 0.5


def need(number, level=2.6, *, wanted=3.0, group="B1", **more):
    return Need(f"k1.t{number:03d}", group, group, "patient-care", level, 0.3, wanted, 3, 120 + number, **more)


def plan(needs, free, seed=0, **policy):
    policy = Policy(**{"draws": 8} | policy)
    return choose(options(needs, SEEDS, EFFECTS, SD), free, policy, seed)


def advised(needs, free, *, seed=0, now=NOW, standing=(), **policy):
    policy = Policy(**{"draws": 8} | policy)
    chosen = choose(options(needs, SEEDS, EFFECTS, SD), free, policy, seed)
    round_ = Round(now, policy, EFFECTS.version, seed, SD, "CNY", Capacity(free, None, STATED))
    return events(round_, needs, chosen, NAMES, standing)
