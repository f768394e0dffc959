"""What the report of a trainee says, in English and Chinese."""

from __future__ import annotations

from typing import Final

TRAINEE: Final = {
    "linked": (
        "This pseudonym belongs to {head}: its records count there. Read that report.",
        "该假名归属于 {head}，其记录计入后者，请查看后者的报告。",
    ),
    "personas": ("With the records of", "并入记录的假名"),
    # findings
    "weak what": (
        "{competency}: {level} where {target} is the target at this point of training",
        "{competency}：{level}，目前阶段的目标为 {target}",
    ),
    "weak many": (
        "{n} competencies below the target at this point of training",
        "{n} 项胜任力低于目前阶段的目标",
    ),
    "weak sure": ("Probability of being below the target: {chance}.", "低于目标的概率为 {chance}。"),
    "weak sure many": (
        "Probability of being below the target: {low} to {high}, each for itself.",
        "各项低于目标的概率为 {low} 至 {high}。",
    ),
    "weak thin": (
        "Fewer than {least} assessors: one strict assessor could account for it.",
        "评估者不足 {least} 位，可能只是个别评估者偏严。",
    ),
    "weak one": (
        "{competency}: {level}, target {target}; probability of being below: {chance}.",
        "{competency}：{level}，目标 {target}，低于目标的概率为 {chance}。",
    ),
    "scores by": (
        "{scores} scores by {n} named [assessor|assessors], {dates}.",
        "{n} 位具名评估者的 {scores} 次评分，{dates}。",
    ),
    "unnamed": ("{n} [score names|scores name] no assessor.", "另有 {n} 次评分未注明评估者。"),
    "grows": ("Growth: {growth} levels a year.", "增长（级/年）：{growth}。"),
    "forecast": (
        "At this pace {forecast} by {day}, when {wanted} is wanted.",
        "按此速度，至{day}为 {forecast}，届时目标为 {wanted}。",
    ),
    "weak next": (
        (
            "Talk with the trainee and the mentor about {names}: agree on what to practise and who observes "
            "it, and look at "
            "this page again after the next few observed encounters."
        ),
        "请导师与学员就{names}面谈：商定练习内容和观察者，完成若干次直接观察后再看本页。",
    ),
    "weak next thin": (
        (
            "First get more evidence: ask assessors who have not yet seen {names} for direct observation. Then "
            "talk with "
            "the trainee and the mentor."
        ),
        "先补充证据：请尚未评估过{names}的老师进行直接观察，再由导师与学员面谈。",
    ),
    "quoted": ("{text}", "“{text}”"),
    "over what": (
        "Hours: {hours} a week on average, more than {limit}",
        "工作时长：每周平均 {hours} 小时，超过 {limit} 小时",
    ),
    "counted sure": ("A count of what is on record; nothing is estimated.", "为记录的计数，不含估计。"),
    "over why": (
        "Mean of {n} whole [week|weeks]; highest week {highest} hours.",
        "取 {n} 个完整周的平均；最高一周 {highest} 小时。",
    ),
    "over next": (
        (
            "Talk with the trainee and whoever plans the duties of the present department; check first that "
            "the records "
            "are right."
        ),
        "请先核对记录是否准确，再与学员及所在科室的排班负责人商议。",
    ),
    "missing what": ("{n} expected [form has|forms have] not come", "有 {n} 份应交评估表未收到"),
    "missing sure": (
        "Certain that nothing has arrived here; a form may exist and not have been sent.",
        "可以确定系统未收到；评估表可能已填写而未提交。",
    ),
    "missing why": (
        "{place}: {form}, {arrived} of {expected}, due {due}",
        "{place}：{form}，已收到 {arrived}/{expected}，截止日期 {due}",
    ),
    "missing days": (" ({n} [day|days] overdue)", "（逾期 {n} 天）"),
    "missing warned": ("; a warning is open since {day}", "；预警自{day}起未解除"),
    "missing further": ("and {n} further [form|forms], in the table of rotations", "另有 {n} 份，见轮转表"),
    "missing asked": ("{rotation} ({forms}; supervisor {supervisor})", "{rotation}（{forms}；带教老师 {supervisor}）"),
    "missing next": (
        "Ask the supervisor of each rotation for the form: {rotations}. Where the plan has changed, have it updated.",
        "请向各轮转的带教老师索取：{rotations}。如计划已变更，请更新轮转安排。",
    ),
    "short what": (
        "{n} required [item is|items are] likely to stay below the minimum",
        "预计有 {n} 个项目达不到要求例数",
    ),
    "short what over": (
        "{n} required [item|items] below the minimum in departments where no time is left",
        "在已无剩余时间的科室中，有 {n} 个项目未达要求例数",
    ),
    "short sure": (
        "Probability of staying below at the present rate: {low} to {high}, each for itself.",
        "按目前速度，各项达不到要求的概率为 {low} 至 {high}。",
    ),
    "short sure one": (
        "Probability of staying below at the present rate: {low}.",
        "按目前速度，达不到要求的概率为 {low}。",
    ),
    "short sure over": (
        "The time planned there is over; only what was done and not recorded could change this.",
        "这些科室的计划时间已结束，只有补录的记录才会改变结果。",
    ),
    "short department": ("{department}, {n} [item|items]: {items}", "{department}，{n} 项：{items}"),
    "short why": (
        "{item} {done} of {minimum}, {projected} expected by {day}",
        "{item} {done}/{minimum}，预计至{day}为 {projected}",
    ),
    "short why over": ("{item} {done} of {minimum}", "{item} {done}/{minimum}"),
    "not counted": (" and {n} in a lesser role", "（另有 {n} 例参与程度不足）"),
    "others too": (", and {n} more", "，另有 {n} 项"),
    "short next": (
        (
            "Talk with the teaching secretary of {departments}: assign the missing cases and procedures in the "
            "time that is "
            "left, or plan simulation or more time there."
        ),
        "请与{departments}教学秘书商议：在剩余时间内安排所缺病种与操作，或安排模拟训练、延长轮转。",
    ),
    "short next over": (
        (
            "Ask the trainee and the teaching secretary of {departments} whether records are missing. Where "
            "none are, plan "
            "time there, or agree how else the items are made up for."
        ),
        "请向学员及{departments}教学秘书核实是否漏录；如无漏录，请安排补轮转，或商定其他补足方式。",
    ),
    "adverse what": ("{outcome}: {result}", "{outcome}：{result}"),
    "adverse sure": ("Recorded as decided elsewhere; not assessed here.", "为其他环节已作出的决定，此处仅作记录。"),
    "adverse why": ("Recorded for {day}.", "记录日期：{day}。"),
    "adverse value": ("Score {value}.", "成绩 {value}。"),
    "adverse next": (
        "Ask the programme director what was agreed with the trainee after this result.",
        "请向培训项目负责人了解该结果之后与学员商定的安排。",
    ),
    "own what higher": ("Own view higher than the assessors': {names}", "自评高于他评：{names}"),
    "own what lower": ("Own view lower than the assessors': {names}", "自评低于他评：{names}"),
    "own sure": (
        "The intervals of the differences do not reach zero: the views differ by more than the uncertainty of both.",
        "差异的区间不含零：两者的差异超出双方的不确定范围。",
    ),
    "own why": (
        "{competency}: own rating {own}, assessors {assessors}; difference {difference}",
        "{competency}：自评 {own}，他评 {assessors}，差异 {difference}",
    ),
    "own next higher": (
        "Talk with the trainee about what assessors saw; ask assessors for narrative feedback with examples.",
        "请与学员谈一谈评估者所见，并请评估者给出有实例的文字反馈。",
    ),
    "own next lower": (
        "Tell the trainee what assessors saw going well; the own view is lower than theirs.",
        "请告诉学员评估者看到的长处；其自评低于他评。",
    ),
    # limits
    "no time": (
        "The time is not known: nothing is said about what is due.",
        "当前时间未知，因此不说明应交而未交的内容。",
    ),
    "no levels": (
        "No competency has been scored: there are no levels and no targets to compare with.",
        "尚无任何胜任力评分，因此没有水平，也无从与目标比较。",
    ),
    "no-enrolment": (
        "No enrolment is on record: the time in training, and so the targets, are not known.",
        "无入培记录：培训时间未知，因此无法给出目标。",
    ),
    "no-target": ("No target is set for this stage.", "该阶段未设定目标。"),
    "no-standard": (
        "No quota standard is known for the programme {programme}: nothing is said about required numbers.",
        "培训专业“{programme}”没有对应的例数标准，因此不说明例数要求。",
    ),
    "few assessors": (
        "Levels of one assessor only, who may be strict or lenient: {names}.",
        "仅由一位评估者评分、可能偏严或偏宽的水平：{names}。",
    ),
    "not connected": (
        "Assessors whom nothing compares with others, so that their severity is not known: {names}.",
        "评估者与其他评估者没有共同评估的学员、无法得知其宽严的水平：{names}。",
    ),
    "marks missing": (
        "Scores given as missing on forms that came: {n}.",
        "已收到的评估表中标注为缺失的评分：{n} 项。",
    ),
    "not told": (
        "{n} quota [item|items] cannot be projected yet: {why}.",
        "{n} 个例数项目暂无法预测：{why}。",
    ),
    "no-clock": ("the time is not known", "时间未知"),
    "no-rotation": ("no rotation in the department is known", "尚无该科室的轮转"),
    "no-beginning": ("nothing on record yet", "尚无记录"),
    "too-early": ("less than a week in the department", "在该科室不足一周"),
    "nothing due": (
        "No assessment was due by now: nothing can be missing.",
        "截至目前没有应完成的评估，因此无缺失可言。",
    ),
    "no workload": ("No duty hours are on record: workload is not known.", "无值班与工时记录，工作时长未知。"),
    # sections
    "levels": ("Competencies now", "胜任力现状"),
    "levels legend": (
        "Dot: estimate. Broad bar: interval. Dashed tick: target at this point of training.",
        "圆点为估计值，宽条为区间，虚线为目前阶段的目标。",
    ),
    "scale": ("Scale", "标尺"),
    "chart level": (
        "{competency}: level {level} on a scale from 1 to 5",
        "{competency}：水平 {level}，量表为 1 至 5",
    ),
    "chart target": ("; target {target}", "；目标 {target}"),
    "growth": ("Growth and target of the year", "增长与年度目标"),
    "growth lead": (
        (
            "The target is that of the end of the running year of training. The forecast carries the line of "
            "growth on to "
            "that date, where it lies ahead; it knows nothing of what will be taught until then."
        ),
        "目标为当前培训年末的目标。如该日期尚未到来，则将增长趋势延长至该日期作为预测，未考虑此后的教学安排。",
    ),
    "growth year": ("Growth in levels a year (interval)", "每年增长级数（区间）"),
    "wanted": ("Target at the year's end", "培训年末目标"),
    "by": ("By", "日期"),
    "forecast column": ("Forecast (interval)", "预测（区间）"),
    "history": ("Competencies over time", "胜任力变化"),
    "history legend": (
        (
            "Line and band: the level as it could be told at the end of each four weeks, with its interval. "
            "Open dots: mean "
            "of that period's scores. Dashed: target."
        ),
        "实线与色带为各周期（四周）末所能得出的水平及其区间，空心点为当期评分均值，虚线为目标。",
    ),
    "chart history": (
        "{competency}: level from {first} on {since} to {last} on {day}",
        "{competency}：{since}为 {first}，{day}为 {last}",
    ),
    "risk": ("Risk of an adverse outcome", "不良结局风险"),
    "risk lead": (
        (
            "How likely a running rotation, or the {days} days after it, ends adversely (failed, or left), with its "
            "80 % interval. Risk model {model}, learnt from {n} [outcome|outcomes]."
        ),
        (
            "进行中的轮转及其后 {days} 天内出现不良结局（未通过或离开）的概率及其 80% 区间。"
            "风险模型 {model}，依据 {n} 例结局学习。"
        ),
    ),
    "risk floor": (
        "There are too few outcomes to learn from: this is the rate among all, the same for everybody.",
        "可供学习的结局过少：此为总体比例，对所有人相同。",
    ),
    "risk flagged": (
        "The last closed cohort was foretold no better than by chance: do not rely on this.",
        "最近一批已结束学员的预测不优于随机：请勿依赖此值。",
    ),
    "risk broken": (
        "Risk model {model} is in force and cannot be read: no risk is told.",
        "风险模型 {model} 已生效但无法读取：不显示风险。",
    ),
    "risk reasons": (
        "Why, for {rotation}: the strongest reasons, against the mean of those learnt from",
        "{rotation} 的主要原因（与所学习学员的平均值相比）",
    ),
    "risk reason": ("Feature", "特征"),
    "risk adds": ("Adds to log odds", "对数优势增量"),
    "chart risk": ("{rotation}: {share}", "{rotation}：{share}"),
    "quota": ("Cases and procedures required", "病种与操作例数要求"),
    "quota lead": (
        "Standard {standard}: {n} [item|items], {met} met, {short} likely to stay short, {open} not to be told yet.",
        "标准：{standard}。共 {n} 项，已达标 {met} 项，预计不足 {short} 项，暂无法判断 {open} 项。",
    ),
    "quota legend": (
        (
            "Grey bar: done, as a share of the minimum. Dashed tick: the minimum. Open dot and line: expected "
            "at the end, "
            "with its interval; what exceeds one and a half times the minimum is cut off."
        ),
        (
            "灰条为已完成占要求例数的比例，虚线为要求例数，空心点与线段为预计最终例数及其区间，超过要求 1.5 "
            "倍的部分不再画出。"
        ),
    ),
    "quota departments": ("By department", "按科室"),
    "items met": ("Items met", "已达标项目"),
    "items short": ("Likely short", "预计不足"),
    "items open": ("Not to be told yet", "暂无法判断"),
    "share done": ("Done on average", "平均完成比例"),
    "done": ("Done / minimum", "已完成 / 要求"),
    "expected end": ("Expected at the end (interval)", "预计最终例数（区间）"),
    "chance short": ("Probability short", "不足的概率"),
    "chart quota": ("{item}: {done} of {minimum} done", "{item}：已完成 {done}/{minimum}"),
    "chart share": ("{department}: {share} of the minimum done on average", "{department}：平均完成要求的 {share}"),
    "rotations": ("Rotations and expected forms", "轮转与应交评估表"),
    "rotations lead": (
        "{came} of {n} expected [form|forms] due by now have come.",
        "截至目前应交 {n} 份评估表，已收到 {came} 份。",
    ),
    "forms": ("Forms: arrived / expected", "评估表：已收到 / 应交"),
    "others": ("further: {n}", "其他 {n} 份"),
    "workload": ("Workload", "工作时长"),
    "workload lead": (
        "Mean of {n} whole [week|weeks]: {mean} hours a week; highest {highest}.",
        "{n} 个完整周平均每周 {mean} 小时，最高 {highest} 小时。",
    ),
    "workload limit": (
        "Limit: {limit} hours a week on average over {n} weeks.",
        "上限：{n} 周平均每周 {limit} 小时。",
    ),
    "workload title": ("Hours a week", "每周工时"),
    "workload legend": (
        (
            "Bars: hours of duty recorded for the week. Hatched: of these on call. Hollow: the week is not "
            "over. Dashed: "
            "limit."
        ),
        "柱高为当周记录的工时，斜线部分为其中的值班，空心柱表示该周尚未结束，虚线为上限。",
    ),
    "chart workload": ("Hours of duty by week, from {first} to {last}", "{first}至{last}每周工时"),
    "not whole": ("(not over)", "（未结束）"),
    "teaching": ("Teaching, feedback, own view", "教学、反馈与自评"),
    "feedback received": ("Narrative feedback received", "收到的文字反馈"),
    "feedback specific": ("Share of specific feedback (interval)", "具体反馈占比（区间）"),
    "feedback delay": ("Mean hours from observation to feedback", "自观察至反馈的平均小时数"),
    "attendance": ("Teaching attended (interval)", "教学活动出勤率（区间）"),
    "by assessors": ("{n} named [assessor|assessors]", "具名评估者 {n} 位"),
    "of which": ("{part} of {whole}", "{whole} 项中 {part} 项"),
    "with a time": ("{n} with a time of observation", "{n} 条注明观察时间"),
    "own column": ("Own rating (interval)", "自评（区间）"),
    "assessors column": ("Assessors (interval)", "他评（区间）"),
    "difference column": ("Own less assessors' (interval)", "自评减他评（区间）"),
    "own views": ("Own view beside the assessors'", "自评与他评"),
    "exposures": ("All cases, procedures and simulations", "全部病种、操作与模拟训练"),
    "exposures listed": ("{n} [entry|entries]", "共 {n} 项"),
    "outcomes": ("Results recorded", "已记录的结果"),
    "stages": ("Stages of training", "培训阶段"),
    "since": ("Since", "起始日期"),
    "outcome title": ("Outcome", "项目"),
    "bracketed": ("{text} ({more})", "{text}（{more}）"),
    "no time left": ("no time left", "已无时间"),
    "below here": ("{department}: {n} [item|items] below the minimum", "{department}：{n} 项未达要求"),
}
