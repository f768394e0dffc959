"""What a person sees on standard error."""

import io

import pytest
from rich.console import Console

from megdt_stream.local import ConsoleProgress
from megdt_stream.local.progress import step


def shown(*, terminal: bool) -> tuple[ConsoleProgress, io.StringIO]:
    screen = io.StringIO()
    return ConsoleProgress(Console(file=screen, force_terminal=terminal, width=120, highlight=False)), screen


def test_plain_lines_without_a_terminal():
    progress, screen = shown(terminal=False)
    with step(progress, "Fetching Kafka, 45 files", 44_500_000):
        progress.advance(44_500_000)
    first, second = screen.getvalue().splitlines()
    assert first == "Fetching Kafka, 45 files (44.5 MB) ..."
    assert second.startswith("Fetching Kafka, 45 files: 0.")


def test_bar_with_bytes_on_a_terminal():
    progress, screen = shown(terminal=True)
    with step(progress, "Fetching Kafka", 2000):
        progress.advance(2000)
    assert "2.0/2.0 kB" in screen.getvalue()


def test_failed_work_closes_the_display_and_claims_nothing():
    progress, screen = shown(terminal=False)
    with pytest.raises(ConnectionError), step(progress, "Fetching", 2000):
        raise ConnectionError
    assert screen.getvalue().splitlines() == ["Fetching (2.0 kB) ..."]


def test_standard_output_stays_clean(capsys):
    with step(ConsoleProgress(), "Starting Kafka and Redis"):
        pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Starting Kafka and Redis" in captured.err
