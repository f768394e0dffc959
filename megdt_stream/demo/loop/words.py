"""What the demonstration of the loop says, in English and Chinese."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

_SAY_SECONDS: Final = 2.0
_WITHIN: Final = ("settling", "checking")

_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "title": (
            "two years of {trainees} trainees, seed {seed}: year two with {rounds} rounds of advice",
            "{trainees} 名学员的两个培训年度，种子 {seed}：第二年共 {rounds} 轮建议",
        ),
        "year one": (
            "year one is applied: {events:,} events; nobody was advised",
            "第一年已处理：{events:,} 条事件；未给出任何建议",
        ),
        "round": (
            "round {number}: {considered} below target, {recommended} recommended, {accepted} accepted and carried out",
            "第 {number} 轮：{considered} 人低于目标，建议 {recommended} 条，采纳并实施 {accepted} 条",
        ),
        "played": (
            "until {date}: {events:,} events, from the hospital as it now is",
            "截至 {date}：{events:,} 条事件，来自实施之后的医院",
        ),
        "settling": ("{left:,} records to be applied", "尚有 {left:,} 条记录待处理"),
        "checking": ("checking: {what}", "正在核对：{what}"),
        "account": (
            "The end of year two on the truth: {levels:,} levels (trainee x competency), {wanted:g} wanted",
            "第二年末的真实情况：{levels:,} 个真实水平（学员 × 胜任力），目标 {wanted:g}",
        ),
        "hospital": ("the same hospital", "同一医院"),
        "without": ("without the loop", "无闭环"),
        "with": ("with the loop", "有闭环"),
        "lot considered": ("by lot, among those below a target", "随机分配（低于目标者中）"),
        "lot all": ("by lot, among all", "随机分配（全体学员中）"),
        "mean level": ("mean level", "平均水平"),
        "on target": ("on target", "达标比例"),
        "missed": ("missed", "未达标数"),
        "trainees missing": ("trainees missing any", "有未达标项的学员"),
        "gained": (
            "Gained: {level:+.3f} levels on average, {averted:,.0f} of {missed:,.0f} missed targets averted{per}",
            "收益：平均提高 {level:+.3f} 级，{missed:,.0f} 个未达标中避免了 {averted:,.0f} 个{per}",
        ),
        "cost": ("Cost booked: {cost:,.0f} {currency} ({uses})", "已登记费用：{cost:,.0f} {currency}（{uses}）"),
        "per": ("; {cost:,.0f} {currency} a missed target averted", "；每避免一个未达标 {cost:,.0f} {currency}"),
        "exact": (
            "Nothing here is estimated: both hospitals have the same people and the same chance.",
            "以上均非估计：两所医院的人员与随机性完全相同。",
        ),
        "effects": (
            "What each kind was believed to do, and does (SDs of levels, at the usual dose)",
            "各类干预的预期效果与真实效果（水平标准差，常规剂量）",
        ),
        "kind": ("kind", "干预"),
        "prior": ("prior", "先验"),
        "evidence": ("own evidence (95 %)", "本院证据（95%）"),
        "combined": ("together (90 %)", "合并（90%）"),
        "true": ("true, on those treated", "真实（受干预者）"),
        "carried out": ("carried out", "实施数"),
        "simulation-training": ("simulation training", "模拟训练"),
        "remedial-training": ("remedial training", "补训"),
        "moved": (
            "{kind}: by {rows} logged decisions the belief moved by {by:.2f} SD {way} the truth",
            "{kind}：{rows} 个有记录的决定使估计{way}真实值 {by:.2f} 个标准差",
        ),
        "towards": ("towards", "靠近"),
        "away": ("away from", "偏离"),
        "thin": (
            "{kind}: too little evidence to move the belief ({why})",
            "{kind}：证据过少，估计未变（{why}）",
        ),
        "wide": (
            "  its own interval holds both the prior and the truth: this evidence does not tell them apart",
            "  其自身区间同时包含先验与真实值：现有证据不足以区分二者",
        ),
        "truths": (
            "The true effects are this demonstration's own, unlike the priors on purpose, and nowhere told: {table}",
            "真实效果由本演示给定，有意与先验不同，且从未告知系统：{table}",
        ),
        "agrees": (
            "An independent checker agrees: {events:,} events published, {twins:,} twins, decisions included.",
            "独立核对器结果一致：发布 {events:,} 条事件，{twins:,} 个孪生体，含处置决定。",
        ),
        "differs": (
            "The independent checker does not agree: see `problems` of --json",
            "独立核对器结果不一致：见 --json 的 `problems`",
        ),
        "took": ("Took {seconds:.0f} s.", "用时 {seconds:.0f} 秒。"),
    }
)


class LoopWords:
    """Words in one language, with figures put in."""

    def __init__(self, lang: str) -> None:
        self._column = 1 if lang == "zh" else 0

    def __call__(self, name: str, **figures: object) -> str:
        """Give a text; a kind without a word of its own stands for itself."""
        found = _WORDS.get(name)
        return name if found is None else found[self._column].format(**figures)


class Teller:
    """Tells on the fly: a line a step with the seconds so far; of what goes on within one a line every two seconds."""

    def __init__(self, words: LoopWords, line: Callable[[str], None]) -> None:
        self._words = words
        self._line = line
        self._begun = time.monotonic()
        self._last = self._begun

    def tell(self, name: str, **figures: Any) -> None:
        """Print a step's line."""
        now = time.monotonic()
        if name in _WITHIN and now - self._last < _SAY_SECONDS:
            return
        self._last = now
        if "until" in figures:
            figures["date"] = f"{datetime.fromtimestamp(figures['until'] / 1000, UTC):%Y-%m-%d}"
        self._line(f"{now - self._begun:5.1f} s  {self._words(name, **figures)}")
