"""Small worlds and schemes for tests."""

from functools import cache

from megdt_stream.scenario.scheme import parse
from megdt_stream.scenario.synthetic import synthetic_world
from megdt_stream.seed_files import load_interventions

KNOWN = load_interventions()


@cache
def small(trainees=30, weeks=20, seed=1):
    return synthetic_world(KNOWN, trainees, weeks, seed)


def scheme(*interventions, name="a"):
    return parse({"name": name, "interventions": list(interventions)}, KNOWN)[0]


def act(kind, dose=1.0, weeks=8, **more):
    target = more.pop("target", {"weakest": 0.2})
    return {"kind": kind, "target": target, "dose": dose, "weeks": weeks, **more}


EVERYTHING = (
    act("reinforced-supervision", 0.1),
    act("remedial-training", 1.0, start=4),
    act("simulation-training", 2.0, start=2, weeks=12),
    act("case-mix-supplement", 1.5, start=3),
    act("resource-tilt", 2.0, target={"department": "心内科"}),
    act("rotation-change", 4.0, to="普通外科", start=6),
)
