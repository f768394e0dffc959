"""A seeded teaching hospital whose truth is known: the demo's source and the tests' oracle.

Here live the true levels, severities and schedules, the events that follow from them, the mess a real
hospital adds and, apart from the events, what must become of each. Nothing here imports the code it is to
judge: no other part of megdt_stream, not its event model, its scales or its fold. What both need (the
format of docs/records.md, the scales' numbers) is written down here a second time, on purpose.
"""

from megdt_stream.synth.hospital import Hospital, Published, generate
from megdt_stream.synth.lift import Lift
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.truth import Truth

__all__ = ["Hospital", "HospitalPlan", "Lift", "Published", "Truth", "generate"]
