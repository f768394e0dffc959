"""Schemes held against going on as now and against each other: effect, cost, equity, and how sure an order is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from megdt_stream.scenario.interventions import Interventions, Prices
from megdt_stream.scenario.measures import MEASURES, SMALLEST, Draws, Told
from megdt_stream.scenario.plan import Plan
from megdt_stream.scenario.scheme import NOTHING
from megdt_stream.scenario.world import World

_DIGITS: Final = 4
_WILLING: Final = (0, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""What one missed target averted may cost, for the acceptability curve (units of the prices)."""
_TOLD_DRIVERS: Final = 5


def result(
    world: World, plans: Sequence[Plan], found: Sequence[Told], known: Interventions, seed: int, draws: int
) -> dict[str, Any]:
    """Write the result of a rehearsal, JSON-able: the first plan is going on as now.

    Intervals are the 5th and 95th percentile over draws; differences are taken draw by draw, with common chance.
    """
    costs = [cost_of(plan, known.prices) for plan in plans]
    now, others = found[0], range(1, len(plans))
    front = pareto([_means(one, cost) for one, cost in zip(found, costs, strict=True)])
    best = shares_best(found, costs)
    return {
        "snapshot": world.snapshot,
        "seed": seed,
        "draws": draws,
        "weeks": world.weeks,
        "trainees": world.size,
        "schemes": {
            plan.name: {
                **{name: interval(one.measures[name]) for name in MEASURES},
                "cost": _cost(world, plan, one, now, cost, known.prices),
                "equity": _equity(one),
                "p_best": round(float(best[number]), _DIGITS),
                "pareto": front[number],
            }
            for number, (plan, one, cost) in enumerate(zip(plans, found, costs, strict=True))
        },
        "against_nothing": {
            plans[number].name: {name: interval(found[number].measures[name] - now.measures[name]) for name in MEASURES}
            for number in others
        },
        "uncertainty": {
            plans[number].name: _shares(averted(world, found[number], now), now.drivers) for number in others
        },
        "local_only": {plans[number].name: _local_only(plans[number], known) for number in others},
    }


def interval(values: Draws) -> dict[str, float]:
    """Give mean, 5th and 95th percentile."""
    low, high = np.percentile(values, (5, 95))
    return {name: _rounded(value) for name, value in (("mean", values.mean()), ("p05", low), ("p95", high))}


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS) + 0.0


def averted(world: World, one: Told, now: Told) -> Draws:
    """Give how many missed targets a scheme averts, by draw."""
    return (one.measures["on_target"] - now.measures["on_target"]) * world.size


# --- cost ---


def cost_of(plan: Plan, prices: Prices) -> float:
    """Give what a plan's resources cost; what is booked costs, whether it is used or not."""
    priced: dict[str, float] = {str(resource): price for resource, price in prices.units.items()}
    return float(sum(amount * priced[resource] for resource, amount in plan.resources.items()))


def _cost(world: World, plan: Plan, one: Told, now: Told, cost: float, prices: Prices) -> dict[str, Any]:
    gained = averted(world, one, now)
    levels = float((one.measures["level"] - now.measures["level"]).mean()) * world.size
    told: dict[str, Any] = {
        **dict.fromkeys(("mean", "p05", "p95"), round(cost, 2)),
        "currency": prices.currency,
        "items": {name: round(amount, 2) for name, amount in sorted(plan.resources.items())},
    }
    if plan.name == NOTHING:
        return told
    mean = float(gained.mean())
    return {
        **told,
        "per_missed_target_averted": round(cost / mean, 2) if mean > 0 else None,
        "per_tenth_of_a_level": round(cost / (10 * levels), 2) if levels > 0 else None,
        "acceptability": [
            {"willing": willing, "probability": _rounded(float((willing * gained > cost).mean()))}
            for willing in _WILLING
        ],
    }


# --- equity ---


def _equity(one: Told) -> dict[str, Any]:
    groups = np.array(list(one.groups.values()))
    gap = interval(groups.max(axis=0) - groups.min(axis=0)) if len(groups) > 1 else None
    exposed = interval(one.exposure_ratio) if np.isfinite(one.exposure_ratio).all() else None
    return {
        "exposure_p90_p10": exposed,
        "gap_between_groups": gap,
        "share_below_quota": interval(one.measures["below_quota"]),
        "groups": {name: interval(values) for name, values in one.groups.items()},
        "suppressed_below": SMALLEST,
    }


# --- orders ---


def _means(one: Told, cost: float) -> tuple[float, ...]:
    """Give what schemes are compared on, more being better: targets, failures, quota, evenness, and cost."""
    ratio = float(one.exposure_ratio.mean())
    return (
        float(one.measures["on_target"].mean()),
        -float(one.measures["failures"].mean()),
        float(one.measures["quota"].mean()),
        -ratio if np.isfinite(ratio) else 0.0,
        -cost,
    )


def pareto(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """Tell of each point whether no other is at least as good in everything and better in something."""
    table = np.array(points)
    return [
        not any(bool((other >= one).all() and (other > one).any()) for other in np.delete(table, number, axis=0))
        for number, one in enumerate(table)
    ]


def shares_best(found: Sequence[Told], costs: Sequence[float]) -> Draws:
    """Give the share of draws in which each scheme has the most trainees on target; equal ones go to the cheapest."""
    cheap = sorted(range(len(costs)), key=lambda number: costs[number])
    table = np.array([found[number].measures["on_target"] for number in cheap])
    first = np.bincount(table.argmax(axis=0), minlength=len(cheap)) / table.shape[1]
    shares = np.zeros(len(cheap))
    shares[cheap] = first
    return shares


# --- what drives the uncertainty ---


def _shares(gained: Draws, drivers: Mapping[str, Draws]) -> list[dict[str, Any]]:
    """Give the largest squared correlations with what is gained: first-order shares of its variance.

    Saltelli A et al. Global Sensitivity Analysis, 2008, ch. 1: for inputs that are independent and effects near linear.
    What chance alone would give (1 / draws) is taken off.
    """
    if len(gained) < SMALLEST or gained.std() < 1e-12:
        return []
    found = []
    for name, values in drivers.items():
        r2 = float(np.corrcoef(values, gained)[0, 1]) ** 2
        found.append((max(0.0, r2 - 1 / (len(gained) - 1)), name))
    return [
        {"of": name, "share": round(share, 3)} for share, name in sorted(found, reverse=True)[:_TOLD_DRIVERS] if share
    ]


def _local_only(plan: Plan, known: Interventions) -> list[str]:
    """Name the interventions whose effect no external estimate backs."""
    return sorted({one.kind for one in plan.doings if known.kinds[one.kind].prior is None})
