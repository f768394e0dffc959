"""The measured rehearsal is one of all that it says, and the loop beside it does the same work."""

from megdt_stream.bench import rehearse as bench
from megdt_stream.bench.rehearsal_workload import workload


def test_the_workload_has_four_schemes_beside_going_on_as_now():
    rehearsal = workload(80, 12 + 40, 20)
    assert [plan.name for plan in rehearsal.plans] == ["nothing", "remedial", "simulation", "supervision", "cases"]
    assert (rehearsal.world.size, rehearsal.draws) == (80, 20)


def test_figures_without_latency(monkeypatch):
    monkeypatch.setattr(bench, "spawn", lambda _command, _request: {"seconds": 1.0, "peak_mb": 2.0})
    monkeypatch.setattr(bench, "_loop_ratio", lambda: 9.0)
    found = bench.rehearse(lambda _: None, with_latency=False)
    assert {name: found[name] for name in ("seconds", "peak_mb", "ratio_to_loop", "event_p99_ratio")} == {
        "seconds": 1.0,
        "peak_mb": 2.0,
        "ratio_to_loop": 9.0,
        "event_p99_ratio": None,
    }
