"""Where the shipped data files are: an installed wheel carries copies, a checkout has the originals."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def seeds_dir() -> Path:
    """Return the folder of shipped definitions (scales, competencies, rules).

    Raises FileNotFoundError when neither the wheel nor a checkout around the package has it.
    """
    return _locate("seeds")


def schemas_dir() -> Path:
    """Return the folder of event schemas, one sub-folder or file per topic.

    Raises FileNotFoundError when neither the wheel nor a checkout around the package has it.
    """
    return _locate("schemas")


def _locate(name: str) -> Path:
    shipped = _PACKAGE / "_data" / name
    checkout = _PACKAGE.parent / name
    for folder in (shipped, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"no {name!r} folder at {shipped} or {checkout}: install megdt-stream again, or restore {name}/ in the checkout"
    )
