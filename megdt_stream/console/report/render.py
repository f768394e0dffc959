"""A page as one HTML file that needs nothing else: no scripts, no network, no fonts of its own."""

from __future__ import annotations

from typing import Final

from megdt_stream.console.report.model import Page

GENERATOR: Final = "megdt report"
"""What a page says of its origin, in its first kilobyte."""


def render(page: Page) -> str:
    """Lay a page out as HTML. Equal pages give equal texts; all that is text is escaped."""
    # Here, for commands that draw no page need no templates.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("megdt_stream.console.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html").render(page=page, words=page.words, generator=GENERATOR)
