"""The generated parts of docs/operate.md are what the code says now."""

from pathlib import Path

import pytest

from megdt_stream.runtime import reference

OPERATE = Path(__file__).resolve().parents[2] / "docs" / "operate.md"


def test_the_generated_parts_are_up_to_date() -> None:
    text = OPERATE.read_text("utf-8")
    assert text == reference.fill(text)


def test_every_part_has_its_place() -> None:
    text = OPERATE.read_text("utf-8")
    assert all(f"<!-- generated: {name} -->" in text for name in reference.PARTS)


def test_an_outdated_part_is_made_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- generated: exit-codes -->\nold\n<!-- end of generated part -->\nb\n", "utf-8")
    reference.main([str(page)])
    text = page.read_text("utf-8")
    assert "old" not in text
    assert "| 78 |" in text
    assert text.startswith("a\n")
    assert text.endswith("\nb\n")


def test_an_unknown_part_is_an_error() -> None:
    with pytest.raises(KeyError):
        reference.fill("<!-- generated: nothing -->\n<!-- end of generated part -->")
