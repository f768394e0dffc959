"""The knobs of a synthetic hospital."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from random import Random

from megdt_stream.synth.chance import DAY, YEAR, generator
from megdt_stream.synth.lift import Lift


@dataclass(frozen=True)
class HospitalPlan:
    """What the hospital is like and how messy its records are; equal plans give equal bytes.

    Levels are on the common scale 1 to 5; SDs are in levels, growth is per year, rates are shares from 0 to
    1. Raises ValueError when a knob is out of its range.
    """

    seed: int = 1
    trainees: int = 200
    start: date = date(2024, 9, 1)
    """First day of the stream, 00:00 UTC."""
    days: int = 365
    """Length of the stream, at most one training year; what becomes available later is not in it."""
    annual_assessment_day: int = 300
    """Days after `start`; completion exams come in the three weeks before."""
    training_year: int = 1
    """Which year of the same people this stream tells: levels go on from where the year before left them, records and
    rotations have numbers of their own. Pseudonyms are linked anew each year."""
    entrants_only: bool = False
    """Whether everybody is in the first year of their stage in training year 1."""

    # Structure
    base_size: tuple[int, int] = (6, 12)
    medical_school_share: float = 0.25
    continuing_share: float = 0.15
    assessors_per_department: int = 6
    cancelled_rotation_rate: float = 0.04
    changed_rotation_rate: float = 0.06
    """Rotations that are moved to other days before they begin."""
    reassigned_rate: float = 0.12
    """Rotations whose supervisor is named, or changed, apart from the plan."""
    leave_rate: float = 0.08
    """Rotations in which the trainee takes leave; half of the leaves are long and put the rotation's end off."""

    # Pseudonyms
    second_pseudonym_share: float = 0.35
    """Trainees whom the skills centre knows by a pseudonym of its own."""
    doubled_rate: float = 0.04
    """Trainees who were entered twice; the second entry is merged later."""
    unmerged_rate: float = 0.4
    """Of the merges: those undone; half of these are done again."""
    binary_share: float = 0.0
    """Of the e-portfolio's events: those in CloudEvents' binary mode, with headers."""

    # Truth
    base_sd: float = 0.15
    trainee_sd: float = 0.35
    competency_sd: float = 0.20
    growth_mean: float = 0.28
    """Share of the distance to level 5 that a typical postgraduate trainee covers in a year (as a rate)."""
    growth_sd: float = 0.45
    """SD of the logarithm of the growth rate between trainees."""
    severity_sd: float = 0.45
    noise_sd: float = 0.50
    """Typical SD of an assessor's single mark about the level they see."""
    halo_sd: float = 0.25
    """SD shared by all marks of one form."""
    self_bias_mean: float = 0.4
    """How much higher than they are the trainees rate themselves; it differs between them by `self_bias_sd`."""
    self_bias_sd: float = 0.3
    withdrawal_rate: float = 0.05
    """Yearly share of withdrawals among average trainees; weaker ones leave more often."""
    lifts: tuple[Lift, ...] = ()
    """What interventions add to true levels. Nothing that is published before a lift begins changes with it."""

    # Volume, per week of rotation
    extra_forms_per_week: float = 0.65
    feedback_per_week: float = 0.15
    cases_per_week: float = 0.7
    procedures_per_week: float = 0.55
    simulations_per_week: float = 0.08
    teaching_per_week: float = 0.25
    learning_cases_per_week: float = 0.06
    credits_per_week: float = 0.35
    """Of those in continuing education."""

    # Strain
    incident_share: float = 0.0
    """Trainees with an incident of conduct on record."""
    overwork_share: float = 0.0
    """Of all trainees: those who work six long days a week for four weeks."""

    # Mess
    late_rate: float = 0.06
    missing_rate: float = 0.05
    """Expected assessments that never come."""
    missing_score_rate: float = 0.03
    """Single marks given as missing on a form that came."""
    amended_rate: float = 0.03
    twice_amended_rate: float = 0.15
    """Of the amended: those amended once more."""
    out_of_order_rate: float = 0.15
    """Of the amended or retracted: those whose first version is published after the last."""
    retracted_rate: float = 0.008
    resent_rate: float = 0.15
    """Of the records of a pseudonym when it is linked or merged: those sent again under the head's."""
    duplicate_rate: float = 0.02
    malformed_rate: float = 0.006
    corrected_rate: float = 0.7
    """Of the malformed: those sent again in good form."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name.endswith(("_rate", "_share")) and not 0 <= getattr(self, field.name) <= 1:
                raise ValueError(f"{field.name} is a share: give a number from 0 to 1")
            if field.name.endswith(("_sd", "_mean", "_week")) and getattr(self, field.name) < 0:
                raise ValueError(f"{field.name} cannot be negative: give 0 or more")
        if self.trainees < 1 or self.assessors_per_department < 1:
            raise ValueError("trainees and assessors_per_department must each be at least 1")
        if not 1 <= self.days <= 366:
            raise ValueError("a plan tells one training year: give days from 1 to 366")
        if self.training_year < 1:
            raise ValueError("training_year counts from 1")
        if self.medical_school_share + self.continuing_share > 1:
            raise ValueError("medical_school_share and continuing_share leave less than nothing for postgraduates")
        if not 1 <= self.base_size[0] <= self.base_size[1]:
            raise ValueError("base_size is (smallest, largest): give 1 <= smallest <= largest")

    @classmethod
    def small(cls, seed: int = 1) -> HospitalPlan:
        """Give a hospital for quick tests: 16 trainees, 120 days, messier than usual; about 1,200 events."""
        return cls(
            seed=seed,
            trainees=16,
            days=120,
            annual_assessment_day=80,
            amended_rate=0.08,
            retracted_rate=0.03,
            duplicate_rate=0.05,
            malformed_rate=0.04,
            missing_rate=0.10,
            late_rate=0.10,
            doubled_rate=0.15,
        )

    @classmethod
    def demo(cls, seed: int = 1, trainees: int = 200) -> HospitalPlan:
        """Give the demo's hospital: a year; about 40,000 events with 200 trainees, else in proportion."""
        return cls(seed=seed, trainees=trainees)

    def clean(self) -> HospitalPlan:
        """Give the same plan without mess: every record comes once, in good form."""
        mess = ("late", "missing", "missing_score", "amended", "retracted", "resent", "duplicate", "malformed")
        return replace(self, **{f"{name}_rate": 0.0 for name in mess})  # type: ignore[arg-type]

    @cached_property
    def opens(self) -> int:
        """First instant of the stream, in ms."""
        day = datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)
        return (day - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)

    @property
    def origin(self) -> int:
        """First instant of training year 1, in ms: where learning curves begin."""
        return self.opens - (self.training_year - 1) * YEAR

    def chance(self, *purpose: object) -> Random:
        """Give the generator of a purpose in this training year. What does not change by year has `generator`."""
        return generator(self.seed, *purpose, *(() if self.training_year == 1 else ("year", self.training_year)))

    @property
    def first_rotation(self) -> int:
        """Number of a trainee's first rotation of this training year; none has twenty in a year."""
        return 20 * (self.training_year - 1) + 1

    def series(self, name: str) -> str:
        """Name a series of record numbers, another one each training year."""
        return name if self.training_year == 1 else f"{self.training_year}-{name}"

    @cached_property
    def closes(self) -> int:
        """First instant after the stream, in ms."""
        return self.opens + self.days * DAY
