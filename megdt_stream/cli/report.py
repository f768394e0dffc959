"""`megdt report`: pages to read and print, of a trainee or a specialty base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from megdt_stream.cli import absent
from megdt_stream.cli.output import DataDir, Json, Lang, console, emit, examples, say

if TYPE_CHECKING:
    from megdt_stream.console.report import Page
    from megdt_stream.console.words import Lang as Language
    from megdt_stream.session import Session

_STDOUT: Final = "-"
_HEAD: Final = 1024
_LEARN_HELP: Final = (
    "Take the severity of assessors off the levels, learnt from all twins in the store: takes a while where "
    "there are many."
)

Output = Annotated[
    str, typer.Option("-o", "--output", metavar="FILE|-", help="Where to write the page; - for standard output.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Write pages to read and print: one HTML file each.")
    group.command(
        epilog=examples(
            "megdt report trainee syn.t000003 -o report.html",
            "megdt report trainee syn.t000003 --lang zh -o 报告.html",
            "megdt report trainee syn.t000003 --less-severity -o report.html",
        )
    )(trainee)
    group.command(
        epilog=examples(
            "megdt report base 内科-01 -o base.html", "megdt report base 内科-01 --lang zh -o - > 基地.html"
        )
    )(base)
    group.callback()(_report)
    app.add_typer(group, name="report", rich_help_panel="Look at it")


def _report() -> None:
    """Write pages to read and print: one HTML file each."""


def trainee(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The trainee's pseudonym.")],
    output: Output,
    learn: Annotated[bool, typer.Option("--less-severity", help=_LEARN_HELP)] = False,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write the growth report of a trainee: what needs attention, how sure that is, why, and what next.

    The page needs nothing else: no network, no scripts. It names nobody but by pseudonym, and decides nothing. A file
    that is there is overwritten only where it is such a page.
    """
    _write(_trainee_less_severity if learn else _trainee, id_, output, data_dir, lang, as_json)


def base(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The specialty base's code.")],
    output: Output,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write the portrait of a specialty base (专业基地): levels against peers, cases, forms, results, capacity.

    Figures of fewer than ten trainees are not in it. Reads all twins, which takes a while where there are many.
    """
    _write(_base, id_, output, data_dir, lang, as_json)


def _write(
    read: Callable[[Session, str, Language], tuple[Mapping[str, Any], Page]],
    id_: str,
    output: str,
    data_dir: Path | None,
    lang: str | None,
    as_json: bool,
) -> None:
    insist_on_libraries()
    from megdt_stream.console.report import render
    from megdt_stream.console.words import choose
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.session import open_session

    if as_json and output == _STDOUT:
        raise typer.BadParameter("--json and the page cannot both go to standard output; name a file with -o")
    usable(output)
    language = choose(lang).lang
    progress = ConsoleProgress(console(err=True))
    with open_session(data_dir=data_dir, store_only=True, progress=progress) as session:
        document, page = read(session, id_, language)
    written = render(page).encode()
    put(output, written)
    if as_json:
        told = {name: document[name] for name in ("id", "kind", "revision", "as_of")}
        emit({**told, "lang": language, "findings": len(page.findings), "file": output, "bytes": len(written)})
    elif output != _STDOUT:
        say(f"{output} written ({len(written) // 1024} KiB)")


def insist_on_libraries() -> None:
    """Say how to get what only reports need. Raises ConfigError."""
    from importlib.util import find_spec

    from megdt_stream.errors import ConfigError

    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"reports need {' and '.join(missing)}, which is not installed",
            remedy="install the extra: pip install 'megdt-stream[reports]'",
        )


# --- the file ---


def usable(output: str) -> None:
    """See before anything is read that the page may be written there. Raises ConfigError."""
    from megdt_stream.console.report import GENERATOR
    from megdt_stream.errors import ConfigError

    path = Path(output)
    if output == _STDOUT or not path.is_file():
        return
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise ConfigError(f"{output} cannot be read: {error.strerror}", remedy="name another file") from error
    if head.strip() and GENERATOR.encode() not in head:
        raise ConfigError(f"{output} is there and is no report", remedy="name another file, or remove it first")


def put(output: str, written: bytes) -> None:
    """Write the page. Raises ConfigError."""
    from megdt_stream.errors import ConfigError

    if output == _STDOUT:
        typer.echo(written, nl=False)
        return
    try:
        Path(output).write_bytes(written)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}", remedy="name another file") from error


# --- what is read ---


def _end(why: str) -> NoReturn:
    say(f"megdt: {why}")
    raise typer.Exit(1)


def _trainee_less_severity(session: Session, id_: str, lang: Language) -> tuple[Mapping[str, Any], Page]:
    return _trainee(session, id_, lang, learn=True)


def _trainee(session: Session, id_: str, lang: Language, *, learn: bool = False) -> tuple[Mapping[str, Any], Page]:
    from megdt_stream.cli import twin_risk
    from megdt_stream.console.report import trainee_page
    from megdt_stream.runtime import active_risk, active_severity
    from megdt_stream.runtime.entities import trainee_estimator
    from megdt_stream.seed_files import load_estimation, load_library, load_targets
    from megdt_stream.twin.view import Norms, cells, document, read

    folder = session.settings.seeds_dir
    estimation, targets, library = load_estimation(folder), load_targets(folder), load_library(folder)
    with session.query() as query:
        stored = query.find(id_)
        if stored is None:
            _end(absent.trainee(query, id_))
        in_force = active_severity.trainee_estimator(query, id_, list(cells(stored.twin)))
        risk = active_risk.in_force(query)
        for lacking in filter(None, (in_force.degraded, risk.degraded)):
            say(lacking)
        estimator = trainee_estimator(query, id_, say) if learn else in_force.estimator
    view = read(stored.twin, estimation, estimator)
    told = document(id_, view, estimation, stored.now, Norms(targets, library.quotas))
    told["properties"]["risk"] = twin_risk.told(risk, stored.twin, stored.now)
    page = trainee_page(
        told,
        cells(stored.twin),
        library=library,
        estimation=estimation,
        targets=targets,
        lang=lang,
        estimator=estimator,
    )
    return told, page


def _base(session: Session, id_: str, lang: Language) -> tuple[Mapping[str, Any], Page]:
    from megdt_stream.console.report import base_page
    from megdt_stream.runtime.entities import Assumed, read_entity
    from megdt_stream.seed_files import load_estimation, load_library, load_targets
    from megdt_stream.twin.view import Norms

    folder = session.settings.seeds_dir
    estimation, targets, library = load_estimation(folder), load_targets(folder), load_library(folder)
    assumed = Assumed(estimation, Norms(targets, library.quotas), library.outcomes)
    with session.query() as query:
        told = read_entity(query, "base", id_, assumed, say=say)
        if told is None:
            _end(absent.entity(query, "base", id_, say))
        process = read_entity(query, "process", id_, assumed, say=say)
    return told, base_page(told, process, library=library, estimation=estimation, targets=targets, lang=lang)
