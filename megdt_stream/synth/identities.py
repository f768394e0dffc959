"""Under which pseudonyms a trainee is known, and when the hospital finds out that they are one person."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from megdt_stream.synth.catalogue import SKILLS_CENTRE
from megdt_stream.synth.chance import DAY, HOUR, generator
from megdt_stream.synth.people import Trainee
from megdt_stream.synth.plan import HospitalPlan


@dataclass(frozen=True)
class Link:
    """A register entry: from `at` (ms) on `alias` belongs to `head`; None: it stands for itself again.

    `merged` tells a second entry in the same system from another system's pseudonym.
    """

    at: int
    alias: str
    head: str | None
    merged: bool


@dataclass(frozen=True)
class Identities:
    """A trainee's pseudonyms beside the main one, and the register entries in the order of their times.

    `doubled` is the code of the rotation that was entered under the `double`.
    """

    main: str
    skills: str | None
    double: str | None
    doubled: str | None
    links: tuple[Link, ...]

    def subject(self, source: str, rotation: str | None) -> str:
        """Give the pseudonym under which a system publishes a record."""
        if source == SKILLS_CENTRE and self.skills is not None:
            return self.skills
        if self.double is not None and rotation is not None and rotation == self.doubled:
            return self.double
        return self.main


def draw_identities(plan: HospitalPlan, trainee: Trainee, rotations: tuple[str, ...]) -> Identities:
    """Draw a trainee's pseudonyms; `rotations` are the codes that the double may have been entered with."""
    rng = generator(plan.seed, "identities", trainee.index)
    number = f"{trainee.index + 1:06d}"
    skills = f"sk.k{number}" if rng.random() < plan.second_pseudonym_share else None
    double = f"syn.d{number}" if rotations and rng.random() < plan.doubled_rate else None
    doubled = rng.choice(rotations) if double is not None else None
    links: list[Link] = []
    if skills is not None:
        # The skills centre may know the wrong one of two entries.
        head = double if double is not None and rng.random() < 0.5 else trainee.pseudonym
        links.append(Link(_found_out(plan, rng), skills, head, merged=False))
    if double is not None:
        links += _merges(plan, double, trainee.pseudonym, rng)
    return Identities(trainee.pseudonym, skills, double, doubled, tuple(sorted(links, key=lambda link: link.at)))


def _found_out(plan: HospitalPlan, rng: Random) -> int:
    """Draw when a link is noticed: before the evidence, amid it, or long after."""
    first, last = rng.choices(((0.0, 0.03), (0.2, 0.6), (0.8, 0.99)), (4, 4, 3))[0]
    return _day(plan, rng.uniform(first, last))


def _merges(plan: HospitalPlan, double: str, main: str, rng: Random) -> list[Link]:
    merged = rng.uniform(0.1, 0.7)
    links = [Link(_day(plan, merged), double, main, merged=True)]
    if rng.random() < plan.unmerged_rate:
        undone = merged + rng.uniform(0.02, 0.15)
        links.append(Link(_day(plan, undone), double, None, merged=True))
        if rng.random() < 0.5:
            links.append(Link(_day(plan, undone + 0.1), double, main, merged=True))
    return links


def _day(plan: HospitalPlan, share: float) -> int:
    return plan.opens + int(share * plan.days) * DAY + 2 * HOUR
