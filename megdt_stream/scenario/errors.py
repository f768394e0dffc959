"""What is wrong with a scheme, said so that it can be put right."""

from __future__ import annotations


class BadScheme(ValueError):
    """A scheme that cannot be rehearsed: `field` names where, `problem` what, `remedy` what to do."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}; {remedy}")
        self.field, self.problem, self.remedy = field, problem, remedy
