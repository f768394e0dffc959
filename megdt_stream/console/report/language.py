"""How a language says things: words, plurals, dates, numbers, probabilities, intervals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from megdt_stream.console.report.words import WORDS
from megdt_stream.console.words import Lang

_PLURAL: Final = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUS: Final = "\N{MINUS SIGN}"


class Language:
    """English or Chinese. Unknown words raise KeyError: every word stands in `words`."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Lang = lang
        self._column = ("en", "zh").index(lang)

    @property
    def tag(self) -> str:
        """Give the language's tag for HTML."""
        return {"en": "en", "zh": "zh-CN"}[self.lang]

    def __call__(self, key: str, **values: Any) -> str:
        """Say something; `[one|many]` in a text is chosen by the value `n`."""
        text = WORDS[key][self._column]
        if "n" in values:
            text = _PLURAL.sub(lambda found: found[1 if values["n"] == 1 else 2], text)
        return text.format(**values)

    def code(self, key: str) -> str:
        """Give the word for a code of the contract; a code without one stands for itself."""
        return self(key) if key in WORDS else key

    def of(self, texts: Mapping[Any, str]) -> str:
        """Choose from a text given in both languages."""
        return texts.get(self.lang) or texts.get("en", "")

    def listed(self, parts: Iterable[str]) -> str:
        """Join the parts of a list."""
        return {"en": ", ", "zh": "、"}[self.lang].join(part for part in parts if part)

    def items(self, parts: Iterable[str]) -> str:
        """Join the parts of a list whose parts may have commas of their own."""
        return {"en": "; ", "zh": "、"}[self.lang].join(part for part in parts if part)

    def sentences(self, *parts: str) -> str:
        """Join sentences."""
        return {"en": " ", "zh": ""}[self.lang].join(part for part in parts if part)

    def quoted(self, names: Iterable[str]) -> str:
        """List names within a sentence."""
        return self.listed(self("quoted", text=name) for name in names)

    # --- times ---

    def day(self, moment: str | None) -> str:
        """Write the day of an RFC 3339 time, UTC; a dash where there is none."""
        if not moment:
            return self("none")
        year, month, day = (int(part) for part in moment[:10].split("-"))
        # A date is not broken over lines.
        return (
            f"{day}\N{NO-BREAK SPACE}{_MONTHS[month - 1]}\N{NO-BREAK SPACE}{year}"
            if self.lang == "en"
            else f"{year}年{month}月{day}日"
        )

    def moment(self, moment: str | None) -> str:
        """Write an RFC 3339 time in UTC, to the minute."""
        if not moment:
            return self("time unknown")
        zone = {"en": " UTC", "zh": "（UTC）"}[self.lang]
        return f"{self.day(moment)} {moment[11:16]}{zone}"

    def day_of(self, ms: int) -> str:
        """Write the day of a time in ms."""
        return self.day(f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms):%Y-%m-%d}")

    def days(self, since: str | None, until: str | None) -> str:
        """Write from when until when."""
        return f"{self.day(since)}{self('until')}{self.day(until)}"

    # --- numbers ---

    def number(self, value: float | None, digits: int = 1, *, signed: bool = False) -> str:
        """Write a number with so many decimals, a whole one without any."""
        if value is None:
            return self("none")
        grouped = "," if self.lang == "en" else ""
        text = f"{value:{grouped}}" if isinstance(value, int) else f"{value:{grouped}.{digits}f}"
        if signed and value > 0 and float(text.replace(",", "")):
            text = f"+{text}"
        return text.replace("-", _MINUS) if float(text.replace(",", "")) else text.lstrip("-")

    def percent(self, share: float | None) -> str:
        """Write a share in whole per cent."""
        return self("none") if share is None else f"{share:.0%}"

    def chance(self, probability: float | None) -> str:
        """Write a probability; it is never said to be sure."""
        if probability is None:
            return self("none")
        if probability > 0.99:
            return {"en": "over 99%", "zh": "99% 以上"}[self.lang]
        if probability < 0.01:
            return {"en": "under 1%", "zh": "不足 1%"}[self.lang]
        return f"{probability:.0%}"

    # --- estimates ---

    def estimate(self, found: Mapping[str, Any], digits: int = 1, *, signed: bool = False) -> str:
        """Write a property that is an estimate, with its interval."""
        bounds = [self.number(bound, digits, signed=signed) for bound in found["interval"]]
        return self._with_interval(self.number(found["value"], digits, signed=signed), *bounds)

    def share(self, found: Mapping[str, Any]) -> str:
        """Write a share that is an estimate in per cent, with its interval."""
        return self._with_interval(*(self.percent(part) for part in (found["value"], *found["interval"])))

    def _with_interval(self, value: str, low: str, high: str) -> str:
        return f"{value} ({low} – {high})" if self.lang == "en" else f"{value}（{low}～{high}）"
