"""The end of the loop in words: the account on the truth, the cost, the beliefs beside the truth, the checker."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.demo.loop.effects import TRUE
from megdt_stream.demo.loop.outcome import Learnt, LoopOutcome
from megdt_stream.demo.loop.words import LoopWords


def render(outcome: LoopOutcome, words: LoopWords) -> RenderableType:
    """Tell how it ended."""
    account = outcome.account
    title = words("account", levels=account.levels, wanted=account.wanted)
    parts: list[RenderableType] = ["", Text(title, style="bold"), _hospitals(outcome, words), _gained(outcome, words)]
    parts += ["", Text(words("effects"), style="bold"), _effects(outcome, words)]
    parts += [Text(line) for one in outcome.effects for line in said(one, words)]
    table = ", ".join(f"{words(kind)} {one.mean:.2f} (SD {one.sd:.2f})" for kind, one in TRUE.items())
    parts += [Text(words("truths", table=table), style="dim"), "", _verdict(outcome, words)]
    return Group(*parts)


def _hospitals(outcome: LoopOutcome, words: LoopWords) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(words("hospital"))
    for name in ("mean level", "on target", "missed", "trainees missing"):
        table.add_column(words(name), justify="right")
    account = outcome.account
    named = (
        ("without", account.without),
        ("with", account.with_loop),
        ("lot considered", account.lot_considered),
        ("lot all", account.lot_all),
    )
    for name, one in named:
        figures = (
            f"{one.mean_level:.3f}",
            f"{one.on_target:.1%}",
            f"{one.missed:,.0f}",
            f"{one.trainees_missing:,.0f}",
        )
        table.add_row(words(name), *figures, style="bold" if name == "with" else None)
    return table


def _gained(outcome: LoopOutcome, words: LoopWords) -> Text:
    without, with_ = outcome.account.without, outcome.account.with_loop
    dear = outcome.cost_per_averted
    figures = {
        "level": with_.mean_level - without.mean_level,
        "averted": without.missed - with_.missed,
        "missed": without.missed,
        "cost": outcome.cost,
        "currency": outcome.currency,
        "uses": ", ".join(f"{amount:,.0f} {name}" for name, amount in sorted(outcome.uses.items())) or "-",
        "per": "" if dear is None else words("per", cost=dear, currency=outcome.currency),
    }
    lines = f"{words('gained', **figures)}\n{words('cost', **figures)}\n"
    return Text(lines).append(words("exact"), style="dim")


def _effects(outcome: LoopOutcome, words: LoopWords) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("kind", "carried out", "prior", "evidence", "combined", "true"):
        table.add_column(words(name), justify="left" if name == "kind" else "right")
    for one in outcome.effects:
        told = one.to_dict()
        prior, own, both = told["prior"], told["evidence_only"], told["combined"]
        table.add_row(
            words(one.kind),
            f"{one.carried_out:,}",
            "-" if prior is None else f"{prior['mean']:.2f} (SD {prior['sd']:.2f})",
            "-" if own is None else f"{own['estimate']:.2f} ({own['ci_low']:.2f}, {own['ci_high']:.2f})",
            "-" if both is None else f"{both['mean']:.2f} ({both['p05']:.2f}, {both['p95']:.2f})",
            "-" if one.given is None else f"{one.given:.2f}",
        )
    return table


def said(one: Learnt, words: LoopWords) -> Iterator[str]:
    """Say where the belief of a kind went, or that there is too little evidence."""
    shift = one.shift
    if shift is None:
        yield words("thin", kind=words(one.kind), why=one.why_not or "-")
        return
    way = words("towards" if shift >= 0 else "away")
    yield words("moved", kind=words(one.kind), rows=one.effect.decisions, by=abs(shift), way=way)
    if one.undecided:
        yield words("wide")


def _verdict(outcome: LoopOutcome, words: LoopWords) -> Text:
    text = Text()
    if outcome.ok:
        text.append("✓ ", style="bold green")
        text.append(words("agrees", events=sum(outcome.published.values()), twins=outcome.report.twins))
    else:
        text.append(f"✗ {words('differs')}", style="bold red")
        for problem in outcome.problems:
            text.append(f"\n  {problem}", style="red")
    return text.append(f"\n{words('took', seconds=outcome.seconds)}", style="dim")
