"""Evidence of one trainee, told as the mirror folds it, without a store."""

from dataclasses import dataclass, field

from megdt_stream.evidence.record import (
    Activity,
    Assessment,
    Enrolment,
    Exposure,
    Feedback,
    Rotation,
    SelfAssessment,
    record_hash,
)
from megdt_stream.twin.fold import fold
from megdt_stream.twin.state import Twin

DAY = 24 * 3600 * 1000
HOUR = 3600 * 1000
WEIGHT = 1250  # of a score with variance 0.8


@dataclass
class Telling:
    """Tells evidence of one trainee and folds it as the mirror does, without a store."""

    twin: Twin = field(default_factory=Twin)
    rows: dict = field(default_factory=dict)
    count: int = 0

    def tell(self, fact_type, id_, happened, rev=0, **fields):
        self.count += 1
        h = record_hash("/tests", id_)
        fact = fact_type(
            trainee="syn.t1",
            source="/tests",
            id=id_,
            rev=rev,
            h=h,
            d=f"{self.count:016x}",
            happened=happened,
            recorded=happened,
            available=happened,
            origin=("tests", 0, self.count),
            **fields,
        )
        folded = fold(self.twin, self.rows.get(h, ()), fact)
        self.rows[h] = folded.row
        return h

    def assess(
        self, id_, *marks, happened=700 * DAY, rev=0, missing=(), item="急诊考核", rotation="r-1", rater="tch.a"
    ):
        fields = {"instrument": "mini-cex", "item": item, "assessor": rater, "rotation": rotation}
        rest = {"scale": "mini-cex@1", "carried_over": False, "missing": tuple(missing)}
        return self.tell(Assessment, id_, happened, rev, marks=tuple(marks), **fields, **rest)

    def rotate(
        self,
        id_,
        status="planned",
        happened=690 * DAY,
        rotation="r-1",
        expects=(("急诊考核", 2, 710 * DAY),),
        starts=690 * DAY,
        ends=None,
        department="急诊科",
    ):
        """Tell a step of a rotation; one that is ended or cancelled states nothing but that, unless given dates."""
        planned = status in {"planned", "started"} and expects is not None
        return self.tell(
            Rotation,
            id_,
            happened,
            status=status,
            rotation=rotation,
            base="内科-01" if planned else None,
            department=department if planned or ends is not None else None,
            supervisor=None,
            starts=starts if planned or ends is not None else None,
            ends=ends if ends is not None else starts + 30 * DAY if planned else None,
            expects=tuple(expects) if planned else None,
        )

    def enrol(self, id_, happened, stage="postgraduate", base="内科-01", programme="内科", cohort="2023级"):
        return self.tell(Enrolment, id_, happened, stage=stage, base=base, programme=programme, cohort=cohort)

    def expose(self, id_, happened, kind="case", item="心力衰竭", role=None, count=1):
        return self.tell(Exposure, id_, happened, kind=kind, item=item, role=role, count=count, rotation=None)

    def duty(self, id_, starts, hours, on_call=False):
        rest = {"kind": "duty", "item": None, "attended": True, "rotation": None}
        ends = starts + round(hours * HOUR)
        minutes = round(hours * 60)
        return self.tell(Activity, id_, starts, starts=starts, ends=ends, minutes=minutes, on_call=on_call, **rest)

    def attend(self, id_, happened, attended=True, minutes=60, kind="teaching"):
        rest = {"item": "session", "starts": None, "ends": None, "on_call": False, "rotation": None}
        return self.tell(Activity, id_, happened, kind=kind, minutes=minutes, attended=attended, **rest)

    def comment(self, id_, happened, specific=None, observed=None, assessor="tch.a"):
        rest = {"rotation": None, "characters": 20}
        return self.tell(Feedback, id_, happened, specific=specific, observed=observed, assessor=assessor, **rest)

    def rate_oneself(self, id_, happened, *marks):
        rest = {"rotation": None, "scale": "self-assessment@1", "missing": ()}
        return self.tell(SelfAssessment, id_, happened, marks=tuple(marks), **rest)


MARK = ("patient-care", 6.0, 3500, WEIGHT)
