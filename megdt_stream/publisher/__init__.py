"""What integration teams import or run to publish events.

Here live the client that puts events on the input topics and the readers of foreign files and systems that
feed it. Nothing here reads the evidence topic, the store or twins; what an event may contain is decided in
`megdt_stream.evidence`.
"""

from megdt_stream.publisher.client import Position, Publisher, Receipt

__all__ = ["Position", "Publisher", "Receipt"]
