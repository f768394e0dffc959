"""A whole run, small: workers are killed at random moments and the checker finds everything in its place."""

from __future__ import annotations

import pytest

from megdt_stream.chaos import chaos, history, run

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_random_kills_lose_and_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_TRAINEES", 12)
    monkeypatch.setitem(run._ENVIRONMENT, "MEGDT_SESSION_TIMEOUT_SECONDS", "2")
    monkeypatch.setitem(run._ENVIRONMENT, "MEGDT_MAX_POLL_RECORDS", "40")
    said: list[str] = []
    found = chaos(kills=3, seed=5, progress=said.append)
    assert found["ok"], found
    assert found["kills"] == 3
    assert found["read"] == found["published"] > 1_500
    assert found["accepted"] + found["duplicate"] + found["rejected"] == found["read"]
    assert (found["lost"], found["doubled"], found["differing_twins"], found["missing_alerts"]) == (0, 0, 0, 0)
    assert found["rebuild_equal"]
    assert said[0].startswith("seed 5; again with: megdt chaos --kills 3 --seed 5")
    assert sum(line.startswith("kill at ") for line in said) == 3
