"""Two years of a synthetic hospital, the second with advice that people follow, beside the same hospital without it.

Here lives what closes the loop: when advice is asked for, who accepts it, what accepted advice truly does, and the
account of it on the truth of the generator. What is advised and learnt is decided by `megdt_stream.governance` over
a running system, never here; the truth reaches it through published events alone.
"""

from megdt_stream.demo.loop.outcome import LoopOutcome
from megdt_stream.demo.loop.performance import run
from megdt_stream.demo.loop.plan import LoopPlan
from megdt_stream.demo.loop.words import Teller

__all__ = ["LoopOutcome", "LoopPlan", "Teller", "run"]
