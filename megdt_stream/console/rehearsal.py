"""The result of a rehearsal as rows of text, for tables of the terminal and of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from megdt_stream.console.rehearsal_words import Words

SHARES: Final = ("on_target", "quota", "below_quota", "at_limit")
MEASURES: Final = ("level", "on_target", "quota", "below_quota", "failures", "hours", "at_limit", "waiting")


def named(name: str, say: Words) -> str:
    """Give a scheme's name as it is told."""
    return say("nothing") if name == "nothing" else name


def absolute(result: Mapping[str, Any], say: Words) -> list[dict[str, str]]:
    """Tell where each scheme leads."""
    return _table(result["schemes"], MEASURES[:5], say)


def differences(result: Mapping[str, Any], say: Words) -> list[dict[str, str]]:
    """Tell what is different from going on as now."""
    return _table(result["against_nothing"], MEASURES, say)


def _table(found: Mapping[str, Any], measures: tuple[str, ...], say: Words) -> list[dict[str, str]]:
    return [
        {
            say("scheme"): named(name, say),
            **{say(one): say.between(measured[one], percent=one in SHARES) for one in measures},
        }
        for name, measured in found.items()
    ]


def choices(result: Mapping[str, Any], say: Words) -> list[dict[str, str]]:
    """Tell cost, evenness and how each scheme stands among the others."""
    return [
        {
            say("scheme"): named(name, say),
            say("cost"): f"{one['cost']['mean']:,.0f} {one['cost']['currency']}",
            say("per"): per(one, say),
            say("exposure_p90_p10"): say.between(one["equity"]["exposure_p90_p10"]),
            say("gap_between_groups"): say.between(one["equity"]["gap_between_groups"], percent=True),
            say("p_best"): f"{one['p_best']:.0%}",
            say("pareto"): say("yes" if one["pareto"] else "no"),
        }
        for name, one in result["schemes"].items()
    ]


def per(one: Mapping[str, Any], say: Words) -> str:
    """Tell what a missed target averted costs."""
    cost = one["cost"]
    if "per_missed_target_averted" not in cost:
        return "-"
    found = cost["per_missed_target_averted"]
    return say("unclear") if found is None else f"{found:,.0f} {cost['currency']}"


def drivers(result: Mapping[str, Any], say: Words) -> Iterator[str]:
    """Tell what drives the uncertainty, and of what no external estimate exists."""
    for name, found in result["uncertainty"].items():
        if found:
            shares = ", ".join(f"{one['of']} {one['share']:.0%}" for one in found)
            yield f"{name}: {say('drivers')}: {shares}"
        if result["local_only"][name]:
            yield f"{name}: {say('local_only')}: {', '.join(result['local_only'][name])}"
