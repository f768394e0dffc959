"""The console's words in English and Chinese, and which of the two to use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Lang = Literal["en", "zh"]

_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        # flow
        "topic": ("topic", "主题"),
        "published": ("published", "已发布"),
        "accepted": ("accepted", "已采纳"),
        "duplicate": ("duplicate", "重复"),
        "rejected": ("rejected", "已拒收"),
        "waiting": ("waiting", "待处理"),
        "settled": ("settled", "已处理"),
        "read": ("read", "已读取"),
        "total": ("total", "合计"),
        "assessments": ("assessments", "考核评估"),
        "rotations": ("rotations", "轮转"),
        "exposures": ("exposures", "病种与操作"),
        "activities": ("activities", "教学活动"),
        "outcomes": ("outcomes", "结果"),
        "resources": ("resources", "教学资源"),
        "identities": ("identities", "身份"),
        "decisions": ("decisions", "处置决定"),
        "rate": ("events/s", "事件/秒"),
        "twins": ("twins", "孪生体"),
        "raised": ("raised", "新发"),
        "escalated": ("escalated", "已升级"),
        "cleared": ("cleared", "已解除"),
        "closed": ("closed", "已关闭"),
        "acknowledged": ("acknowledged", "已知悉"),
        "assigned": ("assigned", "已指派"),
        "snoozed": ("snoozed", "已暂缓"),
        "resolved": ("resolved", "已处理"),
        "flagged-incorrect": ("flagged incorrect", "标记为误报"),
        "programme-director": ("programme director", "专业基地主任"),
        "it-operations": ("IT operations", "信息科"),
        "reaches": ("reaches", "分发"),
        "notified": ("notified", "已通知"),
        "repeated": ("repeated", "重复"),
        "inhibited": ("inhibited", "已抑制"),
        "grouped": ("grouped", "已合并"),
        "listed": ("listed", "已列出"),
        "state": ("state", "状态"),
        "rule": ("rule", "规则"),
        "title": ("warning", "预警"),
        "duty-hours-over-limit": ("duty hours", "值班工时"),
        "professionalism-concern": ("professionalism", "职业素养"),
        "trainee-in-decline": ("decline", "水平下降"),
        "open warnings": ("open warnings", "未解除预警"),
        "opened": ("opened", "已触发"),
        "recovered": ("recovered", "已解除"),
        "latest warnings": ("Latest warnings", "最新预警"),
        "no warnings": ("none yet", "暂无"),
        "one trainee": ("One trainee's twin", "一名学员的孪生体"),
        "no twin": ("nothing is known of them yet", "尚无记录"),
        # twin
        "trainee": ("trainee", "学员"),
        "stage": ("stage", "阶段"),
        "base": ("specialty base", "专业基地"),
        "programme": ("programme", "项目"),
        "cohort": ("cohort", "届别"),
        "as of": ("as of", "截至"),
        "belongs to": ("belongs to", "归属于"),
        "with": ("with the records of", "含以下标识的记录："),
        "competency": ("competency", "胜任力"),
        "level": ("level", "水平"),
        "interval": ("interval", "区间"),
        "scores": ("scores", "评分数"),
        "raters": ("assessors", "评估者"),
        "missing": ("scores missing", "缺失评分"),
        "rotation": ("rotation", "轮转"),
        "department": ("department", "科室"),
        "status": ("status", "状态"),
        "dates": ("dates", "起止"),
        "arrived": ("arrived / expected", "已收到 / 应完成"),
        "item": ("item", "项目"),
        "count": ("count", "例数"),
        "kind": ("kind", "类别"),
        "by role": ("by role", "按角色"),
        "outcome": ("outcome", "结果"),
        "result": ("result", "结论"),
        "date": ("date", "日期"),
        "levels": ("Levels", "胜任力水平"),
        "exposure": ("Cases and procedures", "病种与技能操作"),
        "open": ("open", "未解除"),
        "due": ("due", "截止"),
        "others": ("further", "其他"),
        "owner": ("owner", "责任方"),
        "reason": ("reason", "原因"),
        "evidence": ("evidence", "依据"),
        "next step": ("next step", "建议措施"),
        "severity": ("severity", "级别"),
        "warning": ("warning", "预警"),
        "since": ("since", "自"),
        "records": ("records", "条记录"),
        "severity note": (
            "Assessor severity widens the intervals (--less-severity takes it off). 4 is the graduation target.",
            "此处未扣除评估者的宽严影响，该影响已计入区间宽度（加 --less-severity 可扣除）。4 为毕业目标。",
        ),
        # twin, held against what is wanted
        "attention": ("Needs attention", "需要关注"),
        "what": ("what", "事项"),
        "where": ("where", "对象"),
        "how it stands": ("how it stands", "现状"),
        "how sure": ("how sure", "把握"),
        "when": ("when", "时间"),
        "weak": ("below target", "低于目标"),
        "not come": ("expected, not come", "应交未到"),
        "short": ("quota short", "例数不足"),
        "workload": ("Workload", "工作时长"),
        "and further": ("and {count} further items", "另有 {count} 项"),
        "hours a week": ("hours a week", "小时/周"),
        "mean of weeks": ("mean of {count} weeks", "{count} 周平均"),
        "highest": ("highest", "最高"),
        "limit": ("limit, mean of {count} weeks", "上限（{count} 周平均）"),
        "week from": ("week from", "周（起始日）"),
        "hours": ("hours", "小时"),
        "on call": ("on call", "值班"),
        "records of": ("records", "记录数"),
        "running": ("(not over)", "（未结束）"),
        "by": ("by", "至"),
        "outlook": ("Growth and targets", "增长与目标"),
        "growth": ("growth a year", "年增长"),
        "target": ("target", "目标"),
        "below target": ("probability below", "低于目标概率"),
        "forecast": ("forecast", "预测"),
        "wanted next": (
            "Year {year} of training. The forecast is for {day}, when {level} is wanted.",
            "培训第 {year} 年。预测时点为 {day}，届时目标为 {level}。",
        ),
        "no-enrolment": (
            "No enrolment is on record: the time in training and so the targets are not known.",
            "无入培记录：培训时间未知，因此无法给出目标。",
        ),
        "no-target": ("No target is set for this stage.", "该阶段未设定目标。"),
        "came of due": (
            "{came} of {expected} assessments due by now have come ({share}).",
            "截至目前应完成 {expected} 次考核，已收到 {came} 次（{share}）。",
        ),
        "nothing due": (
            "No assessment was due by now: nothing can be missing.",
            "截至目前没有应完成的考核，因此无缺失可言。",
        ),
        "quota": ("Quota", "例数要求"),
        "no-standard": (
            "No quota standard is known for the programme {programme}.",
            "项目 {programme} 没有对应的例数标准。",
        ),
        "met": ("met", "已达标"),
        "not told yet": ("not told yet", "暂无法判断"),
        "done share": ("done", "完成比例"),
        "why": ("why", "原因"),
        "no-clock": ("the time is not known", "时间未知"),
        "no-rotation": ("no rotation there is known", "尚无该科室轮转"),
        "no-beginning": ("nothing on record yet", "尚无记录"),
        "too-early": ("less than a week there", "轮转不足一周"),
        "counting": ("counting / minimum", "计入 / 要求"),
        "learning": ("Teaching and feedback", "教学与反馈"),
        "rests on": ("rests on", "依据"),
        "feedback": ("feedback received", "收到的反馈"),
        "from assessors": ("named assessors: {count}", "具名评估者 {count} 位"),
        "specific": ("specific feedback", "具体反馈占比"),
        "mean delay": ("mean delay of feedback", "反馈平均延迟"),
        "timed": ("{count} with a time", "{count} 条有时间"),
        "attendance": ("teaching attended", "教学活动出勤"),
        "minutes": ("{count} minutes", "{count} 分钟"),
        "own rating": ("own rating less assessors'", "自评与他评之差"),
        "own beside": ("own {own}, assessors {level}", "自评 {own}，他评 {level}"),
        "risk": (
            "Risk that {rotation} ends adversely, within {days} days after it: {value} ({low} – {high})",
            "轮转 {rotation} 及其后 {days} 天内出现不良结局的概率：{value}（{low} – {high}）",
        ),
        "risk reasons": ("why (log odds): {why}", "原因（对数优势）：{why}"),
        "risk floor": (
            "Learnt from {outcomes} outcomes only: this is the rate among all, the same for everybody.",
            "目前仅有 {outcomes} 例结局可供学习：此为总体比例，对所有人相同。",
        ),
        "risk flagged": (
            "The last closed cohort was foretold no better than by chance: do not rely on this.",
            "最近一批已结束学员的预测不优于随机：请勿依赖此值。",
        ),
        "risk model": ("Risk model {model}, {outcomes} outcomes.", "风险模型 {model}，{outcomes} 例结局。"),
        "risk broken": (
            "Risk model {model} is in force and cannot be read: no risk is told.",
            "风险模型 {model} 已生效但无法读取：不显示风险。",
        ),
        "severity snapshot": (
            "Assessor severity is taken off, as known in snapshot {snapshot}. 4 is the graduation target.",
            "已按快照 {snapshot} 扣除评估者的宽严影响。4 为毕业目标。",
        ),
        # the demonstration
        "joining": ("a worker joins and takes its partitions", "工作进程加入并接管分区"),
        "playing": ("playing {date}, day {day} of {days}", "播放 {date}，第 {day} / {days} 天"),
        "settling": ("settling: {left} records left", "收尾：剩余 {left} 条记录"),
        "checking": ("checking: {what}", "核验：{what}"),
        "done": ("done", "完成"),
        "account": ("Every event accounted for", "每一条事件都有去向"),
        "rejected because": ("rejected because", "拒收原因"),
        "agrees": (
            "{twins} twins and {alerts} notices are what an independent checker makes of the log",
            "{twins} 个孪生体、{alerts} 条通知与独立核验程序由日志重算的结果一致",
        ),
        "differs": ("it does not add up", "结果不一致"),
        "truth title": (
            "Against the generator's truth, which the system never saw",
            "与生成器的真值对照（系统从未见过真值）",
        ),
        "truth": ("truth", "真值"),
        "system": ("system", "系统"),
        "rejected, reason by reason": ("rejected, reason by reason", "按原因逐项核对的拒收"),
        "overdue and open": ("overdue and open", "逾期未补的考核"),
        "differ": ("differ", "条不同"),
        "coverage": (
            "true levels inside their {asked} interval:",
            "真实水平落在 {asked} 区间内：",
        ),
        "as declared": ("severity of assessors as uncertainty", "评估者宽严计入不确定性"),
        "less severity": ("severity learnt from all twins and taken off", "从全部孪生体学习并扣除评估者宽严"),
        "covered": (
            "{inside} of {of} ({share}); typical error {error}, interval {width} levels wide",
            "{of} 项中 {inside} 项（{share}）；典型误差 {error}，区间宽 {width} 级",
        ),
        "try next": ("What to try next", "接下来可以试试"),
        "try up": ("keep a system like this running; then, in another terminal:", "让系统持续运行，然后在另一终端："),
        "try synth": ("write a hospital's events to a file", "把一家医院的事件写入文件"),
        "try publish": ("publish them", "发布这些事件"),
        "try watch": ("read the warnings as they come", "实时查看预警"),
        "try twin": ("read one twin whole", "查看一个完整的孪生体"),
        "try verify": ("recompute everything from the log and compare", "由日志重算全部结果并比对"),
        "took": (
            "This took {seconds} s; its servers and data are gone again.",
            "用时 {seconds} 秒；演示的服务与数据已清除。",
        ),
        # codes of the contract
        "medical-school": ("medical school", "院校教育"),
        "postgraduate": ("postgraduate", "毕业后教育"),
        "continuing": ("continuing education", "继续教育"),
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
        "performed": ("performed", "独立"),
        "patient-care": ("patient care", "患者照护"),
        "medical-knowledge": ("medical knowledge", "医学知识"),
        "practice-based-learning": ("practice-based learning", "基于实践的学习与改进"),
        "communication": ("communication", "沟通技能"),
        "professionalism": ("professionalism", "职业素养"),
        "systems-based-practice": ("systems-based practice", "基于系统的实践"),
        "education-office": ("education office", "教学管理部门"),
        "low": ("low", "低"),
        "medium": ("medium", "中"),
        "high": ("high", "高"),
    }
)


class Words:
    """Words in one language. A code without a word of its own stands for itself."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang
        self._column = ("en", "zh").index(lang)

    def __getitem__(self, name: str) -> str:
        found = _WORDS.get(name)
        return name if found is None else found[self._column]

    def of(self, texts: Mapping[Lang, str] | Mapping[str, str]) -> str:
        """Choose from a text given in both languages."""
        return texts.get(self.lang) or texts.get("en", "")


def choose(chosen: str | None, environment: Mapping[str, str] = os.environ) -> Words:
    """Take the language asked for, else that of the locale (POSIX: LC_ALL before LC_MESSAGES before LANG)."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "")
    asked = chosen or locale
    return Words("zh" if asked.lower().startswith("zh") else "en")
