"""The system without broker, store and clock: push events, let time pass, read twins and alerts.

Public API, for whoever tests a rule, a set of reference data or an integration (docs/driver.md). Everything is the
real thing: intake's decision, partitioning, the mirror's step and its questions to the store; only what surrounds them
is dictionaries and lists here. Equal pushes give equal results.

`system` is the driver, `outcomes` what it answers. `partitions` holds evidence partitions in memory; `replay` plays
one person's evidence up to a past moment, or record by record. Pure: no I/O, no clock, no threads, no randomness.
Reading a log, words and tables live elsewhere (`runtime.past`, `console.history`).
"""

from megdt_stream.driver.outcomes import Accepted, Duplicate, Outcome, Reject, Rejected
from megdt_stream.driver.system import Driver

__all__ = ["Accepted", "Driver", "Duplicate", "Outcome", "Reject", "Rejected"]
