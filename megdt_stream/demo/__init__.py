"""The demonstration: a year of a hospital played through a system of its own, watched live, then checked.

Here lives the choreography: what is played and how fast, what is looked at meanwhile, and whether the end
adds up. What is drawn lives in `megdt_stream.console`, what must be true is told by `megdt_stream.verify` and
the generator's truth.
"""

from megdt_stream.demo.choreography import Demonstration, Outcome, run
from megdt_stream.demo.source import Source, oulad_source, synthetic_source

__all__ = ["Demonstration", "Outcome", "Source", "oulad_source", "run", "synthetic_source"]
