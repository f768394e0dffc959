"""Documents to write pages from: a trainee with everything, one with nothing, hostile codes, and a base."""

from functools import cache

from megdt_stream.evidence.record import Outcome
from megdt_stream.runtime.entities import Assumed, gather, read_from
from megdt_stream.runtime.query import Stored
from megdt_stream.seed_files import load_estimation, load_library, load_norms
from megdt_stream.twin.state import Twin
from megdt_stream.twin.view import cells, document, read
from tests.twin_view.telling import DAY, HOUR, WEIGHT, Telling

ESTIMATION, NORMS, LIBRARY = load_estimation(), load_norms(), load_library()
GIVEN = {"library": LIBRARY, "estimation": ESTIMATION, "targets": NORMS.targets}
BEGAN = 20_000 * DAY
NOW = BEGAN + 200 * DAY
HOSTILE = ("<script>alert(1)</script>", '"onload=alert(1)', "'><img/src=x>", "{{7*7}}", "{0}{n}", "&lt;b&gt;")


class TraineeTelling(Telling):
    """A trainee in the middle of a first year, in whom something of every kind is amiss."""

    def all_kinds(self, rotation="r-1", item="心力衰竭", competency="communication"):
        """Tell evidence of every kind, naming what is given."""
        self.enrol("e", BEGAN, programme="内科")
        expects = (("mini-cex", 1, BEGAN + 60 * DAY), (item, 2, BEGAN + 70 * DAY))
        dates = {"starts": BEGAN + 30 * DAY, "ends": BEGAN + 230 * DAY}
        self.rotate("r", "started", BEGAN, rotation=rotation, department="心内科", expects=expects, **dates)
        for month in range(6):
            at = BEGAN + (10 + 28 * month) * DAY
            rater = f"tch.{month % 4}"
            marks = [(code, 1.0, 900 + 60 * month, WEIGHT) for code in ("patient-care", competency)]
            self.assess(f"a{month}", *marks, happened=at, rotation=rotation, rater=rater)
            self.expose(f"x{month}", at, item=item)
            self.expose(f"p{month}", at, "procedure", "心电图判读", "performed", 3)
            self.comment(f"f{month}", at, specific=month % 2 == 0, observed=at - 3 * HOUR)
            self.attend(f"t{month}", at, attended=month != 2)
        self.assess("m", ("professionalism", 3.0, 3000, WEIGHT), happened=NOW - 20 * DAY, rater="tch.z")
        self.assess("n", happened=NOW - 19 * DAY, missing=[("patient-care", "not-observed")])
        for week in range(6):
            for day in range(5):
                self.duty(f"d{week}.{day}", NOW - (70 - 7 * week - day) * DAY, 18.5, on_call=day == 0)
        self.rate_oneself("s", NOW - 30 * DAY, ("patient-care", 4.5, 4500, 1000))
        for number, (outcome, result) in enumerate((("annual-assessment", "fail"), (item, rotation))):
            fields = {"rotation": rotation, "value": 41.5, "starts": None, "ends": None}
            self.tell(Outcome, f"o{number}", NOW - 9 * DAY, outcome=outcome, result=result, **fields)
        return self.twin


def trainee(twin, as_of=NOW, name="syn.t1"):
    """Give document and cells of a twin."""
    return document(name, read(twin, ESTIMATION), ESTIMATION, as_of, NORMS), cells(twin)


@cache
def whole():
    return trainee(TraineeTelling().all_kinds())


@cache
def empty():
    return trainee(Twin(), as_of=0)


@cache
def hostile(code):
    return trainee(TraineeTelling().all_kinds(rotation=code, item=code, competency=code), name=code)


@cache
def bases(trainees=12, others=11):
    """Give document and process of a base with so many trainees, beside another base whose trainees rotate here."""
    found = []
    for number in range(trainees + others):
        telling = TraineeTelling()
        twin = telling.all_kinds(competency="communication")
        telling.enrol("e2", BEGAN + DAY, base="内科-01" if number < trainees else "外科-02")
        level = 1500 if number < trainees else 3500
        telling.assess("b", ("communication", 3.0, level + 10 * number, 4 * WEIGHT), happened=NOW - DAY, rater="tch.0")
        for event, outcome in enumerate(("completion-exam-theory",)):
            fields = {"rotation": None, "value": None, "starts": None, "ends": None}
            result = "fail" if number % 5 == 0 else "pass"
            telling.tell(Outcome, f"q{event}", NOW - DAY, outcome=outcome, result=result, **fields)
        found.append(Stored(f"syn.t{number}", twin, NOW))
    scan = gather(found)
    assumed = Assumed(ESTIMATION, NORMS, LIBRARY.outcomes)
    return tuple(read_from(scan, kind, "内科-01", assumed) for kind in ("base", "process"))


def nothing_of(kind, name="内科-01"):
    return {"id": name, "kind": kind, "revision": "0" * 16, "as_of": None, "properties": {}}
