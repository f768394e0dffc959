"""What the portrait of a base says, in English and Chinese."""

from __future__ import annotations

from typing import Final

BASE: Final = {
    "kept back": (
        (
            "Figures of fewer than 10 trainees are not shown, nor what would let them be computed. They are "
            "marked “fewer "
            "than 10”."
        ),
        "不足 10 名学员的数据不予显示，可由其推算的数据亦不显示，标为“少于 10 人”。",
    ),
    "suppressed": ("fewer than 10", "少于 10 人"),
    "all suppressed": (
        "All figures about trainees of this base are of fewer than 10 and not shown.",
        "本基地学员不足 10 名，相关数据均不予显示。",
    ),
    "enrolled": ("Trainees enrolled", "在册学员"),
    "staying": ("Trainees who have not withdrawn", "未退培学员"),
    "people": ("Trainees and supervision", "学员与带教"),
    "supervision": ("Active assessors per trainee", "每名学员的在岗评估者数"),
    "supervision on": (
        "{assessors} assessors who scored or gave feedback in the last 12 to 16 weeks, {trainees} trainees",
        "近 12 至 16 周内评分或反馈的评估者 {assessors} 位，学员 {trainees} 名",
    ),
    "peers what": (
        "Trainees here are below their peers in {n} [competency|competencies]: {names}",
        "本基地学员有 {n} 项胜任力低于同类学员：{names}",
    ),
    "peers sure": (
        "The whole {coverage} interval of the difference lies below zero.",
        "差异的 {coverage} 区间全部低于零。",
    ),
    "peers why": (
        "{competency}: {difference} levels; {n} trainees here, {peers} peers of the same stage and cohort",
        "{competency}：差异 {difference}；本基地学员 {n} 名，同阶段、同届别的其他基地学员 {peers} 名",
    ),
    "peers next": (
        (
            "Talk with the teaching lead of the base: how are {names} taught, observed and fed back here? "
            "Compare with a "
            "base that is not below its peers."
        ),
        "请与基地教学主任讨论：本基地如何教学、观察和反馈{names}？可与水平不低于同类的基地交流。",
    ),
    "supply what": (
        "{n} required [item is|items are] seen less often than the standard asks",
        "有 {n} 个要求项目的供给低于标准",
    ),
    "supply sure": (
        (
            "Counts of what is on record. Small counts vary by chance, and what is not logged looks like what was "
            "not seen."
        ),
        "为记录的计数。例数较少时受偶然影响较大；未登记与未接触在此无法区分。",
    ),
    "supply department": (
        "{department}, {n} of {all} items ({trainees} trainees, {months} months there): {items}",
        "{department}，{all} 项中 {n} 项（{trainees} 名学员，共 {months} 个月）：{items}",
    ),
    "supply none": ("nothing recorded of {items}.", "无任何记录的有{items}。"),
    "supply low": ("As a share of the demand: {items}.", "占要求的比例：{items}。"),
    "and then": ("; ", "；"),
    "supply next": (
        (
            "Ask the heads of {departments}: first whether these items are logged at all; where they are, "
            "distribute cases, "
            "plan simulation, or exchange rotations with another base."
        ),
        (
            "请向{departments}的科室主任核实：首先确认上述项目是否已登记；确有不足的，请调整病例分配、"
            "安排模拟训练，或与其他基地交换轮转。"
        ),
    ),
    "overdue what": ("{n} expected [form is|forms are] overdue", "有 {n} 份应交评估表逾期"),
    "late-start what": (
        "{n} planned [rotation has|rotations have] not been reported as started",
        "有 {n} 个计划轮转到期未登记开始",
    ),
    "late-end what": (
        "{n} [rotation has|rotations have] not been reported as ended",
        "有 {n} 个轮转到期未登记结束",
    ),
    "waiting why": ("Waiting {mean} days on average, {longest} at most.", "平均等待 {mean} 天，最长 {longest} 天。"),
    "waiting where": ("Most in: {places}.", "最多的科室：{places}。"),
    "waiting sure": (
        "A count of what has not arrived; it may have been done and not reported.",
        "为未收到记录的计数；可能已完成而未上报。",
    ),
    "overdue next": (
        (
            "Ask the supervisors of these departments for the forms; where one department stands out, talk "
            "with its teaching "
            "secretary about how forms are handed in."
        ),
        "请相关科室的带教老师补交；如集中于某一科室，请与其教学秘书讨论交表流程。",
    ),
    "late next": (
        "Ask the education office to check the rotation plan against where trainees are.",
        "请教学管理部门核对轮转计划与学员实际所在科室。",
    ),
    "no-peers": ("There are no peers to compare with.", "没有可比较的同类学员。"),
    "no standard base": (
        "No quota standard holds for trainees here, or nobody has been in its departments: supply cannot be compared.",
        "没有适用于本基地学员的例数标准，或尚无学员在相应科室轮转，无法比较供给。",
    ),
    "base levels": ("Levels of trainees, and against peers", "学员水平及与同类比较"),
    "base levels legend": (
        (
            "Dot: estimate. Broad bar: interval. Left: mean level of the trainees here, from 1 to 5. Right: "
            "difference from "
            "peers of the same stage and cohort; the dashed tick is no difference."
        ),
        "圆点为估计值，宽条为区间。左：本基地学员平均水平（1 至 5）；右：与同阶段、同届别学员之差，虚线表示无差异。",
    ),
    "mean level": ("Mean level (interval)", "平均水平（区间）"),
    "against peers": ("Against peers (interval)", "与同类之差（区间）"),
    "chart peers": ("{competency}: {difference} levels against peers", "{competency}：与同类之差 {difference}"),
    "supply": ("Cases: supply against demand", "病种与操作：供给与要求"),
    "supply legend": (
        (
            "Grey bar: what a trainee sees in a month there, as a share of what the standard asks (dashed "
            "tick); cut off at "
            "one and a half."
        ),
        "灰条为每名学员每月所见占标准要求的比例，虚线为标准要求，超过 1.5 倍的部分不再画出。",
    ),
    "supply here": ("{department}: {n} of {all} items below the demand", "{department}：{all} 项中 {n} 项低于要求"),
    "items below": ("Items below the demand", "低于要求的项目"),
    "items unseen": ("Nothing recorded", "无任何记录"),
    "months there": ("Months there, all trainees", "学员在该科室的总月数"),
    "supplied": ("Per trainee and month", "每名学员每月"),
    "demand": ("Asked for", "标准要求"),
    "ratio": ("Supply / demand", "供给 / 要求"),
    "seen": ("Counted", "计数"),
    "chart supply": ("{item}: {ratio} of the demand", "{item}：为要求的 {ratio}"),
    "process": ("Rotations and forms", "轮转与评估表"),
    "completion": ("Expected forms that came (interval)", "应交评估表完成率（区间）"),
    "chart completion": ("{name}: {share}", "{name}：{share}"),
    "whole base": ("All departments", "全部科室"),
    "process legend": (
        "Dot: share of the expected forms due by now that came. Broad bar: interval. Scale from 0% to 100%.",
        "圆点为截至目前应交评估表的完成率，宽条为区间，标尺为 0% 至 100%。",
    ),
    "overdue": ("Forms overdue", "逾期评估表"),
    "late-start": ("Not started in time", "未按期开始"),
    "late-end": ("Not ended in time", "未按期结束"),
    "nothing-due": ("nothing due yet", "尚无到期项目"),
    "pass rates": ("Pass rates", "合格率"),
    "pass": ("Pass rate (interval)", "合格率（区间）"),
    "passed": ("Passed / sat", "合格 / 参加"),
    "pass legend": (
        "Dot: share. Broad bar: interval. Scale from 0% to 100%. Latest result of each trainee who sat it.",
        "圆点为合格率，宽条为区间，标尺为 0% 至 100%。取每名参加者的最近一次结果。",
    ),
    "capacity": ("Capacity", "教学容量"),
    "amount": ("Amount", "数量"),
    "unit": ("Unit", "单位"),
    "resources": ("Resources", "资源数"),
    "beds": ("beds", "床位"),
    "simulator": ("simulators", "模拟设备"),
    "faculty": ("teachers", "带教老师"),
    "slots-per-week": ("slots a week", "场次/周"),
    "hours-per-week": ("hours a week", "小时/周"),
    "unit trainees": ("trainees", "名学员"),
    "exam": ("Examination", "考核"),
}
