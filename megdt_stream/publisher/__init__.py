"""What integration teams import or run to publish events.

Here live the clients that put events on the input topics and the readers of foreign files and systems that feed
them. Nothing here reads the evidence topic or twins; what an event may contain is decided in `megdt_stream.evidence`.

`Client` is for an integration: typed, checked before sending, with receipts and a spool. `Publisher` below it takes
any bytes, fast, for tools.
"""

from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.publisher.builders import Expect, Original
from megdt_stream.publisher.client import Client, EventReceipt
from megdt_stream.publisher.confirm import Applied, Rejected
from megdt_stream.publisher.errors import InvalidEvent, NotApplied, SpoolBusy, SpoolFull, SpoolUnusable
from megdt_stream.publisher.producer import Position, Publisher, Receipt
from megdt_stream.publisher.spool import Spool, SpoolStatus

__all__ = [
    "Applied",
    "Client",
    "EventReceipt",
    "Expect",
    "InvalidEvent",
    "NotApplied",
    "Original",
    "Position",
    "Pseudonymiser",
    "Publisher",
    "Receipt",
    "Rejected",
    "Spool",
    "SpoolBusy",
    "SpoolFull",
    "SpoolStatus",
    "SpoolUnusable",
]
