"""Break the protocol on purpose, piece by piece, and see it noticed: `python -m tests.ablations [word]`.

Starts a broker and a store of its own. Prints one line a break; exits 1 when one goes unnoticed, or when something
is red with nothing broken. The pure parts have theirs in `tests.ablations.pure`.
"""

import sys
import tempfile
from pathlib import Path

from megdt_stream.local import Stack, open_stack
from tests.ablations import breaks


def sound(folder: Path, stack: Stack) -> bool:
    """Tell whether everything is green with nothing broken."""
    verdicts = breaks.play(folder, stack.redis)
    red = [name for name, verdict in verdicts.items() if not verdict["ok"]]
    green, said = breaks.test(folder, stack.kafka, stack.redis, [what.noticed_by for what in breaks.ON_BROKER])
    sys.stdout.write(f"with nothing broken: {len(verdicts)} scenarios, red: {red or 'none'}; tests green: {green}\n")
    if not green:
        sys.stdout.write(said[-2_000:])
    return green and not red


def main(word: str = "") -> int:
    missed = 0
    with tempfile.TemporaryDirectory() as name, open_stack() as stack:
        folder = Path(name)
        breaks.copy_package(folder)
        if not sound(folder, stack):
            return 1
        for what in (*breaks.ON_STORE, *breaks.ON_BROKER):
            if word not in what.what:
                continue
            with breaks.broken(folder, what):
                if what in breaks.ON_STORE:
                    verdict = breaks.play(folder, stack.redis, [what.noticed_by])[what.noticed_by]
                    green, said = verdict["ok"], verdict.get("crashed") or verdict["kinds"] or verdict["backlog"]
                else:
                    green, said = breaks.test(folder, stack.kafka, stack.redis, [what.noticed_by])
                    said = next((line for line in said.splitlines() if line.startswith("E  ")), "red")
            missed += green
            sys.stdout.write(f"{'UNNOTICED' if green else 'noticed'}  {what.what}: {'' if green else said}\n")
            sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
