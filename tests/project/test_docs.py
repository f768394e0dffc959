"""What pages point at is there."""

import re
from pathlib import Path

import pytest

from tests.ablations.breaks import ON_BROKER, ON_STORE
from tests.ablations.pure import ABLATIONS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "schemas/README.md", ROOT / "benchmarks/README.md"]
)


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    local = [link.partition("#")[0] for link in links if not link.startswith(("http", "#"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_tests_that_claims_name_are_there():
    claims = (ROOT / "docs/claims.md").read_text()
    tests = re.findall(r"`(tests/[^`]+\.py)`", claims)
    assert len(tests) > 20
    assert [test for test in tests if not (ROOT / test).exists()] == []


def test_the_ablations_that_claims_name_are_there():
    rows = [line.split("|") for line in (ROOT / "docs/claims.md").read_text().splitlines() if line.startswith("| ")]
    quoted = [name for row in rows if len(row) == 6 for name in re.findall(r'"([^"]+)"', row[4])]
    known = {entry.what.removeprefix("stack: ") for entry in (*ABLATIONS, *ON_STORE, *ON_BROKER)}
    assert len(quoted) > 15
    assert [name for name in quoted if name not in known] == []
