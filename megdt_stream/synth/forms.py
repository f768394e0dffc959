"""What is said of a trainee: assessments, narrative feedback, and what they say of themselves."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from megdt_stream.synth.catalogue import (
    COMPETENCIES,
    DOPS,
    E_PORTFOLIO,
    ENTRUSTMENT,
    MINI_CEX,
    ROTATION_EXAM,
    Instrument,
)
from megdt_stream.synth.chance import DAY, HOUR, MINUTE, delay
from megdt_stream.synth.desk import Way
from megdt_stream.synth.diary import Diary
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.schedule import Rotation

_INSTRUMENTS: Final = MappingProxyType({form.code: form for form in (MINI_CEX, DOPS, ENTRUSTMENT, ROTATION_EXAM)})
_EXAM_NOISE_SD: Final = 0.35
_SELF_NOISE_SD: Final = 0.4
_FEEDBACK: Final = Way(E_PORTFOLIO, 5, 3)
_SELF_ASSESSMENT: Final = Way(E_PORTFOLIO, 15, 20)
_SPECIFIC: Final = (
    "病史采集完整，但未询问药物过敏史；下次请在开医嘱前核对过敏史并记录。",
    "腰椎穿刺定位准确，进针角度偏大。建议先在模型上练习两次，再由我陪同操作。",
    "Presented the case in order; leave out normal findings and begin with the question you want answered.",
    "与家属谈话时解释清楚、语速合适。请在结束前让家属复述要点，以确认理解。",
    "Handover missed the pending blood culture twice this week: use the checklist at the bedside.",
)
_GENERAL: Final = ("表现良好，继续努力。", "工作认真负责。", "Good work, keep reading.", "总体满意，基本功有待加强。")


class Forms:
    """Fills in forms about one trainee."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self._rng = diary.rng

    def of(self, rotation: Rotation) -> list[Draft]:
        """Tell all that is said of a stay."""
        drafts: list[Draft] = []
        for expected in rotation.expects:
            drafts += self._expected(rotation, expected)
        return drafts + self._extra(rotation) + self._feedback(rotation) + self._self_assessment(rotation)

    def _expected(self, rotation: Rotation, expected: dict[str, Any]) -> list[Draft]:
        form = _INSTRUMENTS[expected["instrument"]]
        # Whole stays are judged at their end.
        since = rotation.ends - 3 * DAY if form in (ENTRUSTMENT, ROTATION_EXAM) else rotation.starts
        drafts: list[Draft] = []
        for _ in range(expected.get("count", 1)):
            at = self._diary.moment(since, rotation.ends)
            told = self._assessment(form, rotation, at, expected.get("item"))
            if not self._diary.mess.never_comes() and at <= rotation.leaves:
                drafts += told
        return drafts

    def _extra(self, rotation: Rotation) -> list[Draft]:
        drafts: list[Draft] = []
        cases = tuple(rotation.department.cases)
        for _ in range(self._diary.count(rotation, self._diary.plan.extra_forms_per_week)):
            at, item = self._diary.moment(rotation.starts, rotation.leaves), self._rng.choice(cases)
            drafts += self._assessment(MINI_CEX, rotation, at, item)
        return drafts

    def _assessment(self, form: Instrument, rotation: Rotation, at: int, item: str | None) -> list[Draft]:
        values, assessor = self._judged(form, rotation, at) if form.judged else (self._keyed(form, at), None)
        scores = [self._diary.mess.mark(competency, value) for competency, value in values.items()]
        data = {"instrument": form.code, "scale": form.scale.id, "rotation": rotation.code, "scores": scores}
        if assessor is not None:
            data["assessor"] = assessor
        if item is not None:
            data["item"] = item
        mistakes = (_misread(form, data, 1), _misread(form, data, -1))
        way = Way(form.source, 20, form.median_delay_hours)
        return self._diary.send(way, "assessment.recorded", at, data, mistakes, retractable=1)

    def _judged(self, form: Instrument, rotation: Rotation, at: int) -> tuple[dict[str, int], str]:
        rng, trainee = self._rng, self._diary.trainee
        assessor = self._diary.people.staff[rotation.department.code].draw(rng)
        shared = rng.gauss(0, self._diary.plan.halo_sd) - assessor.severity
        values = {
            competency: form.scale.value(trainee.level(competency, at) + shared + rng.gauss(0, assessor.noise_sd))
            for competency in self._asked(form)
        }
        return values, assessor.pseudonym

    def _keyed(self, form: Instrument, at: int) -> dict[str, int]:
        trainee = self._diary.trainee
        return {
            competency: form.scale.value(trainee.level(competency, at) + self._rng.gauss(0, _EXAM_NOISE_SD))
            for competency in self._asked(form)
        }

    def _asked(self, form: Instrument) -> tuple[str, ...]:
        """Draw which competencies a form marks, in their usual order."""
        least, most = form.marks
        count = least if least == most else self._rng.randrange(least, most + 1)
        if count == len(form.competencies):
            return form.competencies
        chosen = set(self._rng.sample(form.competencies, count))
        return tuple(competency for competency in form.competencies if competency in chosen)

    def _feedback(self, rotation: Rotation) -> list[Draft]:
        rng = self._rng
        drafts: list[Draft] = []
        for _ in range(self._diary.count(rotation, self._diary.plan.feedback_per_week)):
            observed = self._diary.moment(rotation.starts, rotation.leaves)
            specific = rng.random() < 0.45
            data: dict[str, Any] = {
                "text": rng.choice(_SPECIFIC if specific else _GENERAL),
                "assessor": self._diary.people.staff[rotation.department.code].draw(rng).pseudonym,
                "rotation": rotation.code,
            }
            if rng.random() < 0.6:
                data["observed"] = observed
            if rng.random() < 0.7:
                data["specific"] = specific
            mistakes = ({**data, "text": data["text"][:4]}, {**data, "text": data["text"] + "（草稿）"})
            given = observed + delay(rng, 8 * HOUR)
            drafts += self._diary.send(_FEEDBACK, "feedback.recorded", given, data, mistakes, retractable=2)
        return drafts

    def _self_assessment(self, rotation: Rotation) -> list[Draft]:
        """Tell how trainees see themselves at the end of a stay."""
        rng, trainee, scale = self._rng, self._diary.trainee, ENTRUSTMENT.scale
        at = rotation.ends - 2 * DAY + rng.randrange(240) * MINUTE
        seen = {
            competency: scale.value(trainee.level(competency, at) + trainee.self_bias + rng.gauss(0, _SELF_NOISE_SD))
            for competency in COMPETENCIES
        }
        if rng.random() < 0.5 or at > rotation.leaves:
            return []
        marks = [self._diary.mess.mark(competency, value) for competency, value in seen.items()]
        data = {"scale": scale.id, "scores": marks, "rotation": rotation.code}
        return self._diary.send(_SELF_ASSESSMENT, "self-assessment.recorded", at, data, retractable=1)


def _misread(form: Instrument, data: dict[str, Any], step: int) -> dict[str, Any]:
    """Give the form with its first value entered wrongly by a category, within the scale."""
    scores = [dict(mark) for mark in data["scores"]]
    for mark in scores:
        if "value" in mark:
            scale = form.scale
            shifted = mark["value"] + step
            mark["value"] = shifted if scale.lowest <= shifted <= scale.highest else mark["value"] - step
            break
    return {**data, "scores": scores}
