"""The words of what changed in a twin, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from megdt_stream.console.words import Words

_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "available": ("available", "可用时间"),
        "happened": ("happened", "发生时间"),
        "kind": ("kind", "类别"),
        "record": ("record", "记录"),
        "verdict": ("verdict", "处理结果"),
        "changed": ("what changed in the twin", "孪生体的变化"),
        "property": ("property", "属性"),
        "nothing": ("nothing", "无变化"),
        "no records": ("no evidence in this time", "该时段内没有证据记录"),
        "no difference": ("no property differs", "没有属性发生变化"),
        "as": ("as", "原标识"),
        # verdicts
        "applied": ("applied", "已采纳"),
        "superseded": ("superseded: a higher revision stands", "已被更高修订版取代"),
        "duplicate": ("duplicate", "重复"),
        "rejected": ("rejected", "已拒收"),
        "retracts": ("retracts", "撤回"),
        "yes": ("yes", "是"),
        "no": ("no", "否"),
        # kinds of evidence
        "kind assessment": ("assessment", "考核评估"),
        "kind rotation": ("rotation", "轮转"),
        "kind feedback": ("feedback", "反馈"),
        "kind exposure": ("exposure", "病种与操作"),
        "kind activity": ("activity", "教学活动"),
        "kind self-assessment": ("self-assessment", "自评"),
        "kind outcome": ("outcome", "结果"),
        "kind resource": ("resource", "教学资源"),
        "kind enrolment": ("enrolment", "入培"),
        "kind identity": ("identity", "身份"),
        "kind decision": ("decision", "处置决定"),
        "kind retraction": ("retraction", "撤回"),
        # properties, by the first part of their name; others stand for themselves
        "property head": ("belongs to", "归属于"),
        "property personas": ("with the records of", "含以下标识的记录"),
        "property stage": ("stage", "阶段"),
        "property base": ("specialty base", "专业基地"),
        "property programme": ("programme", "项目"),
        "property cohort": ("cohort", "届别"),
        "property stages": ("stages", "各阶段"),
        "property level": ("level", "水平"),
        "property growth": ("growth a year", "年增长"),
        "property rotation": ("rotation", "轮转"),
        "property exposure": ("exposure", "病种与操作"),
        "property feedback": ("feedback received", "收到的反馈"),
        "property attendance": ("teaching attended", "教学活动出勤"),
        "property outcome": ("outcome", "结果"),
        "property warning": ("warning", "预警"),
        "property evidence": ("records", "证据记录"),
        "property target": ("target", "目标"),
        "property weak": ("probability below target", "低于目标概率"),
        "property quota": ("quota", "例数要求"),
        "property workload": ("workload", "工作时长"),
        "property missing": ("missing", "缺失"),
        "property self-assessment": ("own rating less assessors'", "自评与他评之差"),
        # subjects
        "assessment of": ("assessments {1} in rotation {0}", "轮转 {0} 中的考核 {1}"),
        "assessment of none": ("assessments {0} without a rotation", "未归入轮转的考核 {0}"),
        "scores": ("scores of {0} by {1}, four weeks from {2}", "{0} 评分（{1}，自 {2} 起四周）"),
        "missing": ("{0} given as missing, four weeks from {1}", "{0} 缺失（自 {1} 起四周）"),
        "exposure": ("{0} {1} ({2}), four weeks from {3}", "{0} {1}（{2}），自 {3} 起四周"),
        "feedback": ("feedback by {0} ({1}), four weeks from {2}", "{0} 的反馈（{1}），自 {2} 起四周"),
        "activity": ("{0} {1}, four weeks from {2}", "{0} {1}，自 {2} 起四周"),
        "duty": ("{0}, week from {1}", "{0}，{1} 当周"),
        "self": ("own rating of {0}, four weeks from {1}", "{0} 自评（自 {1} 起四周）"),
        "rotation": ("rotation {0}", "轮转 {0}"),
        "outcome": ("outcome {0}", "结果 {0}"),
        "enrolment": ("enrolment", "入培"),
        "resource": ("resource {0}", "教学资源 {0}"),
        "decision": ("decision on {0}", "对 {0} 的处置"),
        "warning": ("warning: {1} in rotation {0}", "预警：轮转 {0} 的 {1}"),
        "belongs to": ("belongs to", "归属于"),
        "records of": ("records of {0}", "{0} 的记录"),
        # values
        "unnamed": ("an unnamed assessor", "未具名评估者"),
        "level": ("{0}, level {1}", "{0} 条，水平 {1}"),
        "minutes": ("{0} ({1} min)", "{0} 次（{1} 分钟）"),
        "step": ("changed", "变更"),
        "on": ("counted here", "计入"),
        "nothing expected": ("nothing expected", "无应完成的考核"),
        "open": ("open", "未解除"),
        "timed": ("with a time", "有时间"),
        "specific": ("specific", "具体"),
        "general": ("general", "笼统"),
        "not told": ("not told", "未注明"),
        "teaching": ("teaching", "教学活动"),
        "learning-case": ("learning case", "学习病例"),
        "duty shift": ("duty", "值勤"),
        "on-call": ("on call", "值班"),
    }
)


def word(words: Words, name: str, *parts: str) -> str:
    """Say a phrase with its parts put in; a name without a phrase is a code."""
    found = _WORDS.get(name)
    return words[name] if found is None else found[words.lang == "zh"].format(*parts)


def kind(words: Words, code: str) -> str:
    """Name a kind of evidence."""
    return word(words, f"kind {code}")


def property_name(words: Words, name: str) -> str:
    """Name a property of a twin's document."""
    first, *parts = name.split("|")
    label = word(words, f"property {first}") if f"property {first}" in _WORDS else first
    return " · ".join([label, *(kind(words, part) if first == "evidence" else words[part] for part in parts)])
