"""What pages say, in English and Chinese; `[one|many]` is chosen by the value `n`.

Both languages are written, not translated word by word. Sentences about what next are proposals to people.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from megdt_stream.console.report.words_base import BASE
from megdt_stream.console.report.words_trainee import TRAINEE

_COMMON: Final = {
    "none": ("—", "—"),
    "colon": (": ", "："),
    "until": (" to ", "至"),
    "time unknown": ("time not known", "时间未知"),
    "no data": ("No data yet.", "暂无数据。"),
    "yes": ("yes", "是"),
    "no department": ("no department stated", "未注明科室"),
    # the page
    "trainee report": ("Growth report", "成长报告"),
    "base report": ("Portrait of a specialty base", "专业基地画像"),
    "pseudonym": ("Trainee (pseudonym)", "学员（假名）"),
    "base": ("Specialty base", "专业基地"),
    "programme": ("Programme", "培训专业"),
    "stage": ("Stage", "阶段"),
    "cohort": ("Cohort", "届别"),
    "as of": ("As of", "截至"),
    "revision": ("Revision of the twin", "孪生体版本"),
    "people decide": (
        "This page is material for a conversation. It passes no judgement and gives no grade; people decide.",
        "本页供面谈与讨论使用，不作结论，也不评定成绩；一切决定由人作出。",
    ),
    "attention": ("What needs attention", "需要关注的事项"),
    "what": ("What is wrong", "问题"),
    "sure": ("How sure", "把握程度"),
    "why": ("Why: the evidence", "依据"),
    "next": ("What next", "下一步建议"),
    "found": ("[One matter|{n} matters] to talk about.", "共 {n} 项需要讨论。"),
    "nothing found": (
        "Nothing on record calls for attention now. That is not proof that all is well: see what cannot be told.",
        "现有记录中没有需要关注的事项。这并不等于一切良好，请同时查看“尚不能说明的内容”。",
    ),
    "limits": ("What this page cannot tell", "尚不能说明的内容"),
    "no limits": ("Nothing further to state.", "无其他说明。"),
    "details": ("Details", "详细情况"),
    "numbers": ("Numbers behind the chart", "图中数据"),
    "method": ("How this was made", "数据来源与方法"),
    "reading": ("How to read an interval", "如何理解区间"),
    "reading text": (
        (
            "A level such as 3.1 (2.8 – 3.4) is an estimate. The interval says how far it can be trusted: "
            "under the stated "
            "assumptions, {coverage} of such intervals contain the true level. Where two intervals overlap widely, the "
            "difference may be chance. A wide interval calls for more observation, not for a verdict."
        ),
        (
            "形如 3.1（2.8～3.4）的水平是估计值，括号内的区间表示其可信范围：在所述假设下，{coverage} "
            "的此类区间包含真实水平。"
            "若两个区间大部分重叠，其差异可能只是偶然。区间较宽说明需要更多观察，而不是下结论的理由。"
        ),
    ),
    "scale text": (
        "Levels run from 1 to 5 on the common milestone scale; 4 is the usual target for graduation.",
        "水平采用统一的里程碑量表，从 1 到 5；4 通常为结业目标。",
    ),
    "coverage": ("Coverage of intervals", "区间覆盖率"),
    "severity": ("Assessors' severity", "评估者宽严度"),
    "severity carried": (
        (
            "Not estimated for these levels. That assessors differ (assumed standard deviation {sd} levels) widens the "
            "intervals instead."
        ),
        "本页水平未校正评估者宽严。评估者之间的差异（假定标准差为 {sd} 级）已计入区间宽度。",
    ),
    "severity snapshot": (
        "Subtracted, as learnt in snapshot {snapshot}; what is left uncertain widens the intervals.",
        "已按快照 {snapshot} 的估计予以扣除，剩余的不确定性计入区间宽度。",
    ),
    "severity base": (
        (
            "Subtracted where it can be learnt from trainees whom several assessors saw; what is not known widens the "
            "intervals."
        ),
        "凡能通过多位评估者共同评估的学员加以估计的，均已扣除；未知部分计入区间宽度。",
    ),
    "window": ("Evidence used", "所用证据"),
    "window all": (
        "All scores; the level is that at the newest score, given a random walk with growth.",
        "取全部评分；水平为最近一次评分时的水平，采用带增长的随机游走模型。",
    ),
    "window text": (
        "For levels, scores of the latest {n} periods of four weeks up to the newest score; growth uses all scores.",
        "水平取最近一次评分为止的 {n} 个周期（每周期四周）内的评分；增长取全部评分。",
    ),
    "targets": ("Targets", "目标"),
    "target one": ("{stage}: level {level} throughout.", "{stage}：始终为 {level} 级。"),
    "target line": (
        "{stage}: level {entry} at the beginning, then {levels} at the end of each year, straight in between.",
        "{stage}：起始为 {entry} 级，各年末依次为 {levels} 级，其间按直线变化。",
    ),
    "assumption": ("Sources of the assumptions", "假设的来源（参考数据原文）"),
    "evidence counted": ("Records used", "所用记录"),
    "not identifying": (
        "Pseudonyms only; who somebody is stays with the education office.",
        "仅使用假名；身份对应关系由教学管理部门保管。",
    ),
    "privacy": ("Persons", "个人信息"),
    # codes of the contract
    "medical-school": ("medical school", "院校教育"),
    "postgraduate": ("postgraduate training", "毕业后教育"),
    "continuing": ("continuing education", "继续教育"),
    "year of": ("{stage}, year {year}", "{stage}，第 {year} 年"),
    "planned": ("planned", "计划中"),
    "started": ("in progress", "进行中"),
    "ended": ("ended", "已结束"),
    "cancelled": ("cancelled", "已取消"),
    "unplanned": ("not planned", "无计划"),
    "case": ("case", "病种"),
    "procedure": ("procedure", "操作"),
    "simulation": ("simulation", "模拟训练"),
    "observed": ("observed", "观摩"),
    "assisted": ("assisted", "协助"),
    "performed": ("performed", "独立操作"),
    "activity": ("activities", "教学活动"),
    "assessment": ("assessments", "考核评估"),
    "decision": ("decisions", "处置决定"),
    "enrolment": ("enrolments", "入培登记"),
    "exposure": ("cases and procedures", "病种与操作"),
    "feedback": ("feedback", "反馈"),
    "outcome": ("outcomes", "结果"),
    "self-assessment": ("self-assessments", "自评"),
    "resource": ("resources", "教学资源"),
    "education-office": ("education office", "教学管理部门"),
    # columns
    "competency": ("Competency", "胜任力"),
    "level": ("Level (interval)", "水平（区间）"),
    "target": ("Target now", "当前目标"),
    "below target": ("Probability below", "低于目标的概率"),
    "scores": ("Scores", "评分数"),
    "assessors": ("Assessors", "评估者数"),
    "trainees": ("Trainees", "学员数"),
    "department": ("Department", "科室"),
    "rotation": ("Rotation", "轮转"),
    "status": ("Status", "状态"),
    "dates": ("Dates", "起止日期"),
    "date": ("Date", "日期"),
    "result": ("Result", "结果"),
    "item": ("Item", "项目"),
    "kind": ("Kind", "类别"),
    "count": ("Count", "例数"),
    "by role": ("By role", "按参与程度"),
    "hours": ("Hours", "小时"),
    "on call": ("On call", "其中值班"),
    "week from": ("Week from", "周（起始日）"),
    "period until": ("Four weeks to", "四周截至"),
    "mean seen": ("Mean of scores", "评分均值"),
    "figure": ("Figure", "指标"),
    "value": ("Value", "数值"),
    "rests on": ("Rests on", "依据"),
    "axis": ("scale from {low} to {high}", "标尺：{low} 至 {high}"),
}


WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(_COMMON | TRAINEE | BASE)
