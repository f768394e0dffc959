"""A first draft of a table's mapping, from the names of its columns."""

from __future__ import annotations

import re
from typing import Final

_SCORES: Final = re.compile(r"score|mark|rating|grade|得分|评分|分数|成绩|总分|等级", re.IGNORECASE)
_NAMES: Final = re.compile(r"name|phone|mobile|mail|姓名|电话|手机|邮箱|身份证", re.IGNORECASE)
_GUESSES: Final = (
    ("subject", re.compile(r"trainee|student|resident|学号|学员|住院医|规培", re.IGNORECASE)),
    ("assessor", re.compile(r"assessor|teacher|rater|supervisor|带教|评价人|考官|教师|工号", re.IGNORECASE)),
    ("revision", re.compile(r"version|revision|版本", re.IGNORECASE)),
    ("deleted", re.compile(r"delete|void|删除|作废", re.IGNORECASE)),
    ("recorded", re.compile(r"submitted|recorded|updated|提交|录入|更新", re.IGNORECASE)),
    ("time", re.compile(r"time|date|时间|日期", re.IGNORECASE)),
    ("rotation", re.compile(r"rotation|轮转", re.IGNORECASE)),
    ("id", re.compile(r"(^|[^a-z])id$|number|编号|单号|序号", re.IGNORECASE)),
)


def draft(columns: list[str], delimiter: str = ",") -> str:
    """Write a mapping with comments that can be loaded as it is; what could not be guessed names the first column."""
    found, rest = _guessed(columns)
    scores = [column for column in rest if _SCORES.search(column) and not _NAMES.search(column)]
    rest = [column for column in rest if column not in scores]
    lines = [
        "# A first draft by the names of the columns: read every line, then try it with --dry-run (docs/import.md).",
        'source = "/my-hospital/my-system"  # which system this is; one source, one space of record ids',
        "",
        "[file]",
        'encoding = "auto"  # or utf-8, gb18030, ...',
        f"delimiter = {_quoted(delimiter)}",
        'decimal = "."',
        'zone = "Asia/Shanghai"  # of times without one',
        "",
        "# Rows that are no evidence:",
        "# [[filter]]",
        f"# column = {_quoted(columns[0])}",
        '# equals = ["draft"]',
        '# why = "draft"',
        "",
        "[[event]]",
        'type = "assessment.recorded"  # docs/records.md lists the types and what each holds under data',
        f"id = {{ columns = [{_quoted(found.get('id', columns[0]))}] }}  # what names the record; it is hashed",
        f"subject = {{ column = {_quoted(found.get('subject', columns[0]))} }}  # the trainee; becomes a pseudonym",
        f"time = {{ column = {_quoted(found.get('time', columns[0]))} }}  # when it happened",
        *_optional(found),
        "",
        "[event.data]",
        'instrument = "mini-cex"',
        'scale = "mini-cex@1"  # an id of seeds/scales.toml',
        *[f"{name} = {{ column = {_quoted(found[name])} }}" for name in ("assessor", "rotation") if name in found],
        "",
        *_score_lines(scores or columns[:1]),
        *([f"# Not used: {', '.join(map(_plain, rest))}"] if rest else []),
    ]
    return "\n".join(lines) + "\n"


def _guessed(columns: list[str]) -> tuple[dict[str, str], list[str]]:
    """Give the columns guessed for fields, and the others; names of persons are for nothing."""
    found: dict[str, str] = {}
    rest = []
    for column in columns:
        fits = (field for field, sign in _GUESSES if field not in found and sign.search(column))
        field = None if _NAMES.search(column) or _SCORES.search(column) else next(fits, None)
        if field is None:
            rest.append(column)
        else:
            found[field] = column
    return found, rest


def _optional(found: dict[str, str]) -> list[str]:
    lines = [f"{name} = {{ column = {_quoted(found[name])} }}" for name in ("recorded", "revision") if name in found]
    if "deleted" in found:
        lines.append(f'deleted = {{ column = {_quoted(found["deleted"])}, equals = ["1", "是"] }}')
    return lines


def _score_lines(columns: list[str]) -> list[str]:
    lines = []
    for column in columns[:32]:
        lines += [
            "[[event.scores]]",
            'competency = "patient-care"  # of seeds/competencies.toml; each once an event',
            f"column = {_quoted(column)}",
            '# map = { "优秀" = 9, "良好" = 7 }',
            '# missing = { "未观察" = "not-observed" }',
            "",
        ]
    return lines


def _quoted(text: str) -> str:
    """Write a TOML string."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain) + '"'


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
