"""The mirror's step: a batch of evidence records becomes one commit.

Pure: a partition's state, the records and what the store holds of them go in, the changes to commit come out. The
driver around it (`runtime.mirror_stage`, or `driver` without a broker) does the rest and throws the state away whenever
a commit is refused. What a record contributes is in `twin`, what a rule says in `governance`: here is only the order.

`reading` (what the store must be asked), `folding` (the step, record by record), `carrying` (persons), `rules` (ticks
and warnings), `rejecting`, `contributing` (what entities are told, apart from the step), `state` (what goes in and
comes out), `deadlines`, `work` (what the parts share).
"""

from megdt_stream.mirror.contributing import LIVE, REBUILT, contribute
from megdt_stream.mirror.deadlines import Deadlines
from megdt_stream.mirror.folding import LATE_MS, FoldFailed, step
from megdt_stream.mirror.reading import needs, needs_carried, needs_whole, read
from megdt_stream.mirror.state import Changes, HeldKey, InputPartition, Message, Needs, Partition, Record, RowKey, Rows

__all__ = [
    "LATE_MS",
    "LIVE",
    "REBUILT",
    "Changes",
    "Deadlines",
    "FoldFailed",
    "HeldKey",
    "InputPartition",
    "Message",
    "Needs",
    "Partition",
    "Record",
    "RowKey",
    "Rows",
    "contribute",
    "needs",
    "needs_carried",
    "needs_whole",
    "read",
    "step",
]
