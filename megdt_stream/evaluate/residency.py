"""How large a trainee's twin is after a residency: three years of the synthetic hospital through the whole pipeline."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np

from megdt_stream.driver import Driver
from megdt_stream.seed_files import load_reference, load_rule
from megdt_stream.synth import HospitalPlan, generate

YEARS: Final = 3
TRAINEES: Final = 60
"""The 99th percentile is then between the two largest."""

_TICK_MS: Final = 7 * 24 * 3600 * 1000

_PLAN: Final = HospitalPlan(
    seed=1, trainees=TRAINEES, days=365, medical_school_share=0.0, continuing_share=0.0, withdrawal_rate=0.0
)
"""Residents only, who all stay; with the usual mess and second pseudonyms."""


def twin_bytes(trainees: int = TRAINEES) -> tuple[int, int]:
    """Give median and 99th percentile, over trainees, of the bytes in a twin's hash after three years.

    Bytes are the lengths of all fields and values as docs/records.md, section 6, stores them; the journal and what is
    kept beside the twin do not count. Takes about a quarter of a second a trainee.
    """
    driver = Driver(load_reference(), load_rule(), partitions=1)
    names: list[str] = []
    for year in range(YEARS):
        plan = replace(_PLAN, trainees=trainees, start=date(2024 + year, 9, 1))
        _fold_year(driver, plan, year)
        names = [trainee.pseudonym for trainee in generate(plan).people.trainees]
    sizes = [_bytes(driver, name) for name in names]
    return round(float(np.median(sizes))), round(float(np.percentile(sizes, 99)))


def _fold_year(driver: Driver, plan: HospitalPlan, year: int) -> None:
    """Push a plan's year. Plans of one seed tell of the same people, and number records and rotations alike."""
    ticked = 0
    for event in generate(plan).events:
        if event.available >= ticked + _TICK_MS:
            ticked = event.available
            driver.advance(ticked)
        # Another year's record is another record; a rotation code keeps its length, as it would in a hospital.
        value = event.value.replace(b'"id":"', b'"id":"%d-' % year, 1)
        value = value.replace(b'"rotation":"R0', b'"rotation":"R%d' % year)
        driver.push(value, event.topic, event.headers, event.available)


def _bytes(driver: Driver, trainee: str) -> int:
    fields = driver.twin(trainee).fields()
    return sum(
        len(name.encode()) + len(text.encode() if isinstance(text, str) else text) for name, text in fields.items()
    )
