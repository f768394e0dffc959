"""Hurting a whole system on purpose: real broker, store and workers, seeded faults, then the independent check.

Here live the plan of what is struck when, the processes that are struck, and the run that ends in a verdict. What the
verdict is made of lives in `megdt_stream.verify`; nothing here repairs, retries or excuses what it finds.
"""

from megdt_stream.chaos.plan import FAULTS, Fault
from megdt_stream.chaos.run import chaos

__all__ = ["FAULTS", "Fault", "chaos"]
