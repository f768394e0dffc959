"""Words of a rehearsal's tables and page, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "title": ("Rehearsal of schemes", "方案预演"),
        "scheme": ("scheme", "方案"),
        "nothing": ("going on as now", "维持现状"),
        "level": ("mean level", "平均水平"),
        "on_target": ("on target", "达标比例"),
        "quota": ("quota reached", "例数完成率"),
        "below_quota": ("below some minimum", "未达最低例数比例"),
        "failures": ("predicted failures", "预计不合格人数"),
        "hours": ("weekly hours", "周工时"),
        "at_limit": ("weeks at the limit of hours", "工时受限周占比"),
        "waiting": ("weeks of waiting for a simulator", "模拟设备等待周数"),
        "against": ("Difference from going on as now", "与维持现状相比"),
        "absolute": ("Where each scheme leads", "各方案的结果"),
        "cost": ("cost", "成本"),
        "per": ("cost of a missed target averted", "每减少一人未达标的成本"),
        "averted": ("missed targets averted", "减少的未达标人数"),
        "p_best": ("probability of being best", "最优概率"),
        "pareto": ("on the front", "在前沿上"),
        "drivers": ("what drives the uncertainty", "不确定性的主要来源"),
        "local_only": ("no external estimate of its own effect", "自身效果无外部估计"),
        "acceptability": ("Acceptability: probability that it is worth its cost", "可接受性：物有所值的概率"),
        "willing": ("if a target may cost", "每达标一人愿付"),
        "equity": ("Equity", "公平性"),
        "exposure_p90_p10": ("P90:P10 of cases", "病例接触 P90:P10"),
        "gap_between_groups": ("gap between groups, on target", "组间达标差距"),
        "share_below_quota": ("share below quota", "未达例数比例"),
        "suppressed": ("Groups of fewer than {n} trainees are not told.", "少于 {n} 名学员的组不予显示。"),
        "interval": ("mean (5th to 95th percentile)", "均值（第5～95百分位）"),
        "snapshot": ("snapshot", "孪生快照"),
        "seed": ("seed", "随机种子"),
        "draws": ("draws", "抽样次数"),
        "weeks": ("weeks", "周数"),
        "trainees": ("trainees", "学员数"),
        "yes": ("yes", "是"),
        "no": ("no", "否"),
        "people_decide": (
            "A rehearsal says what to expect, with its uncertainty. It decides nothing; people do.",
            "预演只说明可预期的结果及其不确定性，不作任何决定；决定由人作出。",
        ),
        "attention": ("What the schemes bring", "各方案的作用"),
        "what": ("What", "内容"),
        "sure": ("How sure", "把握程度"),
        "why": ("What that hangs on", "取决于什么"),
        "next": ("What it costs", "成本"),
        "limits": ("What this cannot say", "局限"),
        "no_limits": ("-", "-"),
        "details": ("Details", "细节"),
        "numbers": ("Numbers", "数据"),
        "method": ("How this was made", "生成方式"),
        "reading": ("How to read this", "阅读说明"),
        "reading_text": (
            "Each figure is a mean over draws with its 5th and 95th percentile. Differences are taken draw by draw.",
            "每个数值为多次抽样的均值及第5、第95百分位。差值按同一次抽样逐次计算。",
        ),
        "summary": ("{n} schemes beside going on as now.", "维持现状之外共{n}个方案。"),
        "finding": (
            "{scheme}: {value} missed targets averted of {n} trainees",
            "{scheme}：{n}名学员中减少的未达标人数 {value}",
        ),
        "best": ("{interval}; best in {share} of the draws", "{interval}；在{share}的抽样中最优"),
        "driver": ("{of}: {share} of the variance", "{of}：占方差的{share}"),
        "limit local": (
            "{scheme}: no external estimate of {kinds}; only what follows from cases, feedback and queues counts.",
            "{scheme}：{kinds}无外部效果估计，仅计入由病例、反馈与排队产生的作用。",
        ),
        "limit model": (
            "Quotas are counted by department, not by item; a simulated world never shows that an effect is real.",
            "例数按科室而非病种计算；模拟结果不能证明效果真实存在。",
        ),
        "unclear": ("not told: nothing is gained on average", "平均无收益，不予计算"),
    }
)


class Words:
    """One of the two languages."""

    def __init__(self, lang: str) -> None:
        self.lang = "zh" if lang == "zh" else "en"

    def __call__(self, key: str, **values: object) -> str:
        """Say something; a name without a word stands for itself."""
        text = WORDS[key][self.lang == "zh"] if key in WORDS else key
        return text.format(**values) if values else text

    def between(self, found: Mapping[str, float] | None, digits: int = 2, *, percent: bool = False) -> str:
        """Write mean and interval."""
        if found is None:
            return "-"
        value, low, high = (
            f"{found[name]:z.1%}" if percent else f"{found[name]:z,.{digits}f}" for name in ("mean", "p05", "p95")
        )
        return f"{value} ({low} – {high})" if self.lang == "en" else f"{value}（{low}～{high}）"
