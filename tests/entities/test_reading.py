"""What is read off entity twins: by hand, where every figure is known."""

import pytest

from megdt_stream.evidence.record import PERIOD_MS, WEEK_MS, week_of
from megdt_stream.seed_files import load_library, load_norms
from megdt_stream.twin.entities import base, faculty, process, resource, supply
from megdt_stream.twin.entities.levels import Severities, Severity, trainee_levels
from megdt_stream.twin.entities.persons import entities, persons
from megdt_stream.twin.entities.resource import Place
from megdt_stream.twin.entities.state import Entity, EntityTwin, Part

DAY = 86_400_000
Z = 1.2816
NOW = 20 * PERIOD_MS
QUOTAS = load_norms()
OUTCOMES = load_library().outcomes


def twin(*parts):
    return EntityTwin.of((f"k1.{number}", 0, part) for number, part in enumerate(parts))


class TestFaculty:
    def read(self, *parts, severities=None, peers=None):
        return faculty.properties(twin(*parts), NOW, Z, severities or {}, peers)

    def test_load_is_per_four_weeks_over_the_last_half_year(self):
        recent, old = Part({"n|19": (2, 7), "n|14": (1, 3)}, {}), Part({"n|13": (5, 20), "n|20": (1, 2)}, {})
        found = self.read(recent, old)
        assert found["load|forms"]["value"] == pytest.approx(3 / 6)
        assert found["load|trainees"]["value"] == pytest.approx(2 / 6, abs=1e-3)
        assert (found["forms"]["value"], found["scores"]["value"], found["trainees"]["value"]) == (9, 32, 2)

    def test_feedback_is_timed_where_an_observation_is_stated(self):
        one = {"f|19|specific": (2, 100, 180), "f|19|timed": (1,), "f|19|general": (1, 10, 0), "f|18|-": (1, 5, 0)}
        found = self.read(Part(one, {}))
        assert found["feedback|hours"]["value"] == 3.0
        assert found["feedback|hours"]["provenance"]["timed_share"] == 0.25
        assert found["feedback|specific"]["value"] == pytest.approx(2 / 3, abs=1e-3)
        low, high = found["feedback|specific"]["interval"]
        assert 0 < low < 2 / 3 < high < 1

    def test_range_is_the_standard_deviation_of_levels_known_one_by_one(self):
        ys = [2000 + 100 * number for number in range(12)]
        found = self.read(Part({"v": (12, sum(ys), sum(y * y for y in ys)), "n|1": (1, 15)}, {}))["range"]
        assert found["value"] == pytest.approx(0.361, abs=1e-3)
        assert found["interval"][0] < found["value"] < found["interval"][1]
        assert (found["provenance"]["known_one_by_one"], found["provenance"]["scores"]) == (12, 15)

    def test_peers_are_pooled_each_about_their_own_mean(self):
        strict = faculty.spread(twin(Part({"v": (6, 6000, 6 * 1000**2)}, {})))
        spread = faculty.spread(twin(Part({"v": (8, 32_000, 4 * 3000**2 + 4 * 5000**2)}, {})))
        assert faculty.pooled([strict, spread]).sd == pytest.approx((8 / 12) ** 0.5)
        assert faculty.pooled([strict]) is None

    def test_severity_says_why_it_is_not_known(self):
        assert self.read()["severity"]["unknown"] == "not-estimated"
        alone = {"C1": Severity(0.4, 0.2, raters=1, trainees=3, snapshot="s")}
        assert self.read(severities=alone)["severity|C1"]["unknown"] == "not-identified"
        tied = {"C1": Severity(0.4, 0.2, raters=2, trainees=3, snapshot="s")}
        found = self.read(severities=tied)["severity|C1"]
        assert (found["value"], found["provenance"]["snapshot"]) == (0.4, "s")
        assert found["interval"] == pytest.approx([0.4 - Z * 0.2, 0.4 + Z * 0.2], abs=1e-3)

    def test_rotations_under_a_teacher_are_counted_by_trainee_while_they_last(self):
        running = Part({}, {"s|R1": ["started", NOW - 1, NOW + 1], "s|R2": ["planned", NOW - 1, NOW + 1]})
        over = Part({}, {"s|R3": ["started", NOW - 9, NOW - 1], "s|R4": ["ended", NOW - 9, NOW + 1]})
        assert self.read(running, over)["supervises"]["value"] == 1


class TestProcess:
    def test_what_waits_waits_since_it_was_due(self):
        late = ["planned", NOW - 3 * DAY, NOW + DAY, [[NOW - 10 * DAY, 3, 1], [NOW + 1, 1, 0]]]
        lasting = ["started", NOW - 9 * DAY, NOW - 2 * DAY, [[NOW - 4 * DAY, 1, 0], [NOW, 1, 1]]]
        found = process.standing(process.rotations(twin(Part({}, {"r|A": late}), Part({}, {"r|B": lasting}))), NOW)
        assert (found.due, found.came) == (5, 2)
        assert (found.forms.count, found.forms.total, found.forms.longest) == (3, 24 * DAY, 10 * DAY)
        assert (found.to_start.count, found.to_start.longest) == (1, 3 * DAY)
        assert (found.to_end.count, found.to_end.longest) == (1, 2 * DAY)


class TestResource:
    def read(self, *slots, unit="trainees", trainees=2):
        part = Part({}, {f"q|faculty|{number}": [0, 0, "B1", "D1", *slot] for number, slot in enumerate(slots)})
        return resource.properties(twin(part), NOW, lambda *_: trainees)[f"weeks|faculty|{unit}|B1|D1"]

    def test_capacity_is_that_of_the_statement_that_begins_last(self):
        week = week_of(NOW) * WEEK_MS - 3 * DAY
        found = self.read((3.0, "trainees", 0, None), (1.0, "trainees", week + 2 * WEEK_MS, week + 4 * WEEK_MS))
        assert [one["capacity"] for one in found["value"][:5]] == [3.0, 3.0, 1.0, 1.0, 3.0]
        assert [one["free"] for one in found["value"][:3]] == [1.0, 1.0, -1.0]
        assert len(found["value"]) == 12

    def test_what_a_trainee_takes_is_known_for_places_only(self):
        found = self.read((30.0, "beds", 0, None), unit="beds")
        assert found["value"][0] == {
            "from": found["value"][0]["from"], "capacity": 30.0, "trainees": 2, "committed": None, "free": None
        }  # fmt: skip
        assert "free" in found["provenance"]

    def test_statements_are_told_apart_by_place_and_unit(self):
        slots = [(["beds", "h"], [0, 0, "B1", None, 1.0, "beds", 0, None])]
        assert list(resource.places(slots)) == [Place("beds", "beds", "B1", None)]


class TestBase:
    def test_severities_are_subtracted_where_they_are_identified(self):
        part = Part({"y|C1|k1.t": (1, 1250, 1250 * 2500), "y|C1|k1.u": (1, 1250, 1250 * 3000)}, {})
        tied = {"k1.t": Severity(0.5, 0.0, 2, 9, "s"), "k1.u": Severity(0.0, 0.0, 2, 9, "s")}
        plain, known = Severities(0.25, {}), Severities(0.25, {"C1": tied})
        assert trainee_levels(part, plain)["C1"].level == pytest.approx(2.75)
        assert trainee_levels(part, known)["C1"].level == pytest.approx(3.0)
        alone = Severities(0.25, {"C1": {name: one._replace(raters=1) for name, one in tied.items()}})
        assert trainee_levels(part, alone)["C1"].level == pytest.approx(2.75)

    def test_pass_rates_leave_out_who_was_absent_and_take_aliases_together(self):
        results = [*["pass"] * 10, *["fail"] * 2, "absent"]
        parts = [
            Part(
                {},
                {"e": ["postgraduate", None, None], f"o|{'annual' if number % 2 else 'annual-assessment'}": [1, what]},
            )
            for number, what in enumerate(results)
        ]
        terms = base.Terms(NOW, Z, Severities(0.25, {}), QUOTAS, OUTCOMES)
        found = base.properties("B1", {"B1": twin(*parts)}, [], terms)
        rate = found["pass|annual-assessment"]
        assert (rate["value"], rate["provenance"]["of"]) == (pytest.approx(10 / 12, abs=1e-3), 12)
        assert found["trainees"]["value"] == 13
        few = base.properties("B1", {"B1": twin(*parts[:9])}, [], terms)
        assert few["pass|annual-assessment"]["value"] is few["trainees"]["value"] is None

    def test_supply_is_per_month_in_the_department_against_what_the_standard_asks(self):
        part = Part({"m|心内科": (61,), "x|case|心力衰竭": (0, 1, 0, 1), "x|procedure|电复律": (5, 5, 5, 1)}, {})
        there = [("postgraduate", "内科", part)] * 10
        found = supply.properties(there, QUOTAS, NOW)
        cases = found["supply|internal-medicine@1|心内科|心力衰竭"]
        assert cases["value"] == pytest.approx(2 * 30.4375 / 61, abs=1e-3)
        assert cases["provenance"]["demand"] == 5 / 4
        assert found["supply|internal-medicine@1|心内科|电复律"]["provenance"]["seen"] == 10
        assert "心力衰竭" in found["short|internal-medicine@1"]["value"]
        assert supply.properties(there[:9], QUOTAS, NOW)["supply|internal-medicine@1|心内科"]["value"] is None

    def test_a_running_stay_counts_up_to_now_and_not_beyond_its_end(self):
        part = Part(
            {"m|D": (4,)}, {"s|R1": ["D", NOW - 3 * DAY, NOW + DAY], "s|R2": ["D", NOW - 9 * DAY, NOW - 8 * DAY]}
        )
        assert supply.days_in(part, "D", NOW) == 8
        assert supply.days_in(part, "E", NOW) == 0


class TestPersons:
    def test_heads_are_followed_to_the_end(self):
        assert persons({"a": "b", "b": "c", "x": "y", "y": "x"}) == {"a": "c", "b": "c", "x": "y", "y": "x"}

    def test_an_assessors_pseudonyms_are_one_teacher(self):
        def given_(assessor):
            faculty_part = Part({"n|1": (1, 3)}, {})
            base_part = Part({f"y|C1|{assessor}": (1, 2, 3)}, {f"t|{assessor}": [7]})
            return {Entity("faculty", assessor): faculty_part, Entity("base", "B1"): base_part}

        both = given_("sk.a") | {Entity("faculty", "k1.t"): Part({"n|1": (2, 4)}, {})}
        found = entities([("k1.a", both), ("k1.b", given_("k1.t"))], {"sk.a": "k1.t"})
        assert [entity.id for entity in found if entity.kind == "faculty"] == ["k1.t"]
        assert found[Entity("faculty", "k1.t")].totals == {"n|1": (4, 10)}
        assert found[Entity("base", "B1")].totals == {"y|C1|k1.t": (2, 4, 6)}
