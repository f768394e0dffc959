"""The page on twins names every property, and says of what cannot be known what its codes mean."""

from pathlib import Path

from megdt_stream.seed_files import load_estimation, load_norms
from megdt_stream.twin.view import document, read
from megdt_stream.twin.view.goals import NO_ENROLMENT, NO_TARGET
from megdt_stream.twin.view.quota import NO_BEGINNING, NO_CLOCK, NO_ROTATION, TOO_EARLY
from tests.twin_view.test_document import NOW, full

PAGE = (Path(__file__).resolve().parents[2] / "docs/twin.md").read_text("utf-8")


def test_every_property_is_on_the_page():
    view = read(full(), load_estimation())
    properties = document("syn.t1", view, load_estimation(), NOW, load_norms())["properties"]
    single = {name for name in properties if "|" not in name}
    families = {name.split("|")[0] for name in properties if "|" in name}
    assert {"quota", "workload", "missing", "feedback", "attendance", "stages"} <= single
    assert {"growth", "weak", "target", "quota", "workload", "self-assessment", "missing"} <= families
    assert [name for name in sorted(single) if f"`{name}`" not in PAGE] == []
    assert [name for name in sorted(families) if f"`{name}\\|" not in PAGE] == []


def test_every_code_of_what_cannot_be_known_is_on_the_page():
    codes = [NO_ENROLMENT, NO_TARGET, NO_CLOCK, NO_ROTATION, NO_BEGINNING, TOO_EARLY]
    assert [code for code in [*codes, "no-standard"] if f"`{code}`" not in PAGE] == []
