"""docs/driver.md does what it says."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "driver.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_examples_run_in_order():
    assert len(BLOCKS) == 4
    names = {}
    for number, text in enumerate(BLOCKS):
        assert "assert" in text
        exec(compile(text, f"{PAGE.name}, example {number}", "exec"), names)
