"""What codes are called in a language, from the reference data; a code without a name stands for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from megdt_stream.console.report.language import Language
from megdt_stream.evidence.reference import Library
from megdt_stream.evidence.reference.outcomes import Outcome


class Names:
    """Names of competencies, forms, departments, quota items and outcomes."""

    def __init__(self, library: Library, language: Language) -> None:
        self._library = library
        self._say = language
        self._competencies = {
            code: one.name
            for framework in library.competencies.values()
            for code, one in framework.competencies.items()
        }
        rotations = [rotation for standard in library.quotas.values() for rotation in standard.rotations]
        self._departments = {rotation.department: rotation.name for rotation in rotations}
        self._items = {item.code: item.name for rotation in rotations for item in rotation.items}
        self._forms = dict(_by_code(library.instruments))
        self._outcomes = dict(_by_code(library.outcomes))

    def competency(self, code: str) -> str:
        """Give the name of a competency."""
        return self._named(self._competencies, code)

    def department(self, code: str | None) -> str:
        """Give the name of a department."""
        return self._say("no department") if code is None else self._named(self._departments, code)

    def item(self, code: str) -> str:
        """Give the name of a quota item."""
        return self._named(self._items, code)

    def form(self, code: str) -> str:
        """Give the name of an expected form, by its instrument or its item."""
        found = self._forms.get(code)
        return self.item(code) if found is None else self._say.of(found.name)

    def outcome(self, code: str) -> str:
        """Give the name of an outcome; what follows a `/` stands behind it."""
        table = self._outcome(code)
        if table is None:
            return code
        _, slash, rest = code.partition("/")
        return f"{self._say.of(table.name)}{self._say('colon')}{rest}" if slash else self._say.of(table.name)

    def result(self, outcome: str, code: str) -> str:
        """Give the name of an outcome's result."""
        table = self._outcome(outcome)
        return self._named({} if table is None else table.results, code)

    def adverse(self, outcome: str, code: str) -> bool:
        """Tell whether a result counts as adverse."""
        table = self._outcome(outcome)
        return table is not None and code in table.adverse

    def standard(self, id_: str) -> str:
        """Give the name of a quota standard."""
        found = self._library.quotas.get(id_)
        return id_ if found is None else self._say.of(found.name)

    def _outcome(self, code: str) -> Outcome | None:
        return self._outcomes.get(code) or self._outcomes.get(f"{code.partition('/')[0]}/")

    def _named(self, names: Mapping[Any, Mapping[Any, str]], code: str) -> str:
        found = names.get(code)
        return code if found is None else self._say.of(found)


def _by_code(tables: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for code, table in tables.items():
        yield code, table
        yield from ((alias, table) for alias in table.aliases)
