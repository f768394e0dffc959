"""Adapters: rows or messages of foreign formats in, input events out.

Here lives one pure module per foreign format. An adapter takes rows (mappings, not files), knows the format
of docs/records.md and gives each event with its topic, key and time; reading files and publishing belong to
megdt_stream.publisher. An adapter does not judge: what is wrong in the source goes out as it is and intake
refuses it with a reason. It raises only where a row cannot be expressed as an event at all.
"""

from __future__ import annotations

from typing import NamedTuple


class Outgoing(NamedTuple):
    """One event ready to publish: short topic name, key, CloudEvent as JSON, `available` in ms."""

    topic: str
    key: str
    value: bytes
    available: int
