"""The words of faculty, base, resource and process twins in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from megdt_stream.console.words import Words

_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "faculty": ("faculty", "带教老师"),
        "base": ("specialty base", "专业基地"),
        "resource": ("resource", "教学资源"),
        "process": ("rotation process", "轮转过程"),
        "figure": ("figure", "指标"),
        "value": ("value", "数值"),
        "notes": ("rests on", "依据"),
        "suppressed": ("— (fewer than 10)", "—（少于 10 人）"),
        "suppressed note": (
            "Figures of fewer than 10 trainees are not shown, nor what would let them be computed.",
            "不足 10 名学员的数据不予显示，可由其推算的数据亦不显示。",
        ),
        # why something is not known
        "not-estimated": ("not estimated", "尚未估计"),
        "not-identified": (
            "cannot be told: no trainee ties this assessor to another",
            "无法判断：没有学员将其与其他评估者联系起来",
        ),
        "too-few": ("too few scores", "评分过少"),
        "nothing-due": ("nothing due yet", "尚无到期项目"),
        "no-peers": ("no peers to compare with", "无可比较的同类学员"),
        # faculty
        "severity": ("severity (+ is strict)", "宽严度（正值偏严）"),
        "load|forms": ("forms per 4 weeks, at least", "每 4 周评估表数（至少）"),
        "load|trainees": ("trainees assessed per 4 weeks", "每 4 周评估学员数"),
        "forms": ("forms in all, at least", "评估表总数（至少）"),
        "scores": ("scores in all", "评分总数"),
        "trainees": ("trainees", "学员数"),
        "supervises": ("supervises now", "目前带教学员数"),
        "feedback": ("narrative feedback given", "文字反馈数"),
        "feedback|hours": ("hours from observation to feedback", "自观察至反馈的小时数"),
        "feedback|specific": ("share of specific feedback", "具体反馈占比"),
        "range": ("SD of levels given", "所评水平的标准差"),
        "peers_sd": ("peers' SD", "同行标准差"),
        "peers": ("peers", "同行数"),
        "personas": ("also known as", "其他标识"),
        "assessors": ("assessors", "评估者"),
        "arrived": ("arrived", "已收到"),
        "passed": ("passed", "合格"),
        "of": ("of", "共"),
        "resources": ("resources", "资源数"),
        "known_one_by_one": ("known one by one", "可逐一获知"),
        "least": ("needed", "至少需"),
        "peers_scores": ("their scores", "同行评分数"),
        "timed": ("with a time of observation", "注明观察时间"),
        "timed_share": ("share", "占比"),
        "specific": ("specific", "具体"),
        "not_stated": ("not stated", "未注明"),
        "connected_assessors": ("connected assessors", "相连评估者"),
        "connected_trainees": ("through trainees", "经由学员"),
        # base
        "trainees|staying": ("trainees who have not withdrawn", "未退培学员数"),
        "supervision": ("active assessors per trainee", "每名学员的在岗评估者数"),
        "completion": ("expected forms that came", "应完成评估的完成率"),
        "pass": ("pass rate", "合格率"),
        "capacity": ("capacity", "容量"),
        "levels": ("Levels", "胜任力水平"),
        "mean level": ("mean level", "平均水平"),
        "against-peers": ("against peers", "与同类学员相比"),
        "supply": ("Case supply, per trainee and month in the department", "病种与操作供给（每名学员每科室每月）"),
        "supplied": ("supply", "供给"),
        "demand": ("demand", "标准要求"),
        "ratio": ("supply / demand", "供给 / 要求"),
        "below demand": ("items below demand: {short} of {of}", "低于要求的项目：{of} 项中 {short} 项"),
        # resource
        "weeks": ("Weeks", "按周"),
        "week": ("week from", "周起始日"),
        "committed": ("committed", "已占用"),
        "free": ("free", "空余"),
        "unknown free": (
            "Free is not known: no event tells how much of this one trainee takes.",
            "空余未知：没有记录说明每名学员占用多少。",
        ),
        "beds": ("beds", "床位"),
        "simulator": ("simulator", "模拟设备"),
        "slots-per-week": ("slots a week", "每周场次"),
        "hours-per-week": ("hours a week", "每周学时"),
        # process
        "whole": ("all departments", "全部科室"),
        "overdue": ("forms overdue", "逾期评估"),
        "late-start": ("not started in time", "未按期开始"),
        "late-end": ("not ended in time", "未按期结束"),
        "mean_days": ("mean days", "平均天数"),
        "longest_days": ("longest", "最长天数"),
        "waiting": ("Waiting", "等待"),
        # trainees
        "pseudonym": ("trainee", "学员"),
        "weak": ("weak in", "薄弱项"),
        "warnings": ("warnings", "预警"),
        "quota": ("quota", "完成度"),
        "found": ("{n} trainees", "{n} 名学员"),
    }
)


def word(words: Words, name: str) -> str:
    """Give a word in the language of `words`, and theirs where there is none here."""
    found = _WORDS.get(name)
    return words[name] if found is None else found[("en", "zh").index(words.lang)]
