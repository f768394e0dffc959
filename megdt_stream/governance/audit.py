"""A chain of hashes over what was advised and what people decided, so that a later change of the log shows.

Each link is `sha256(link before | partition's name | offset | sha256 of the record's key and value)`. A head that
somebody wrote down outside (printed, signed, mailed) proves that nothing up to it was altered, removed or put in
between: any of that changes it. It proves neither who wrote a record nor that what it says is true, and nothing about
records after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

START: Final = "0" * 64


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        """Write it as `topic/partition`."""
        return f"{self.topic}/{self.partition}"


class Link(NamedTuple):
    """The chain after a record: how many links it has, the last offset in it (-1: none) and its hash."""

    length: int
    offset: int
    hash: str


EMPTY: Final = Link(0, -1, START)


def follow(link: Link, place: Place, offset: int, key: bytes, value: bytes) -> Link:
    """Give the chain with one record more. Raises ValueError where offsets do not rise."""
    if offset <= link.offset:
        raise ValueError(f"{place}: offset {offset} after {link.offset}")
    record = sha256(len(key).to_bytes(4, "big") + key + value).hexdigest()
    return Link(link.length + 1, offset, sha256(f"{link.hash}|{place}|{offset}|{record}".encode()).hexdigest())


class Claim(NamedTuple):
    """A head that was written down: of a place, after so many links, at that offset."""

    place: Place
    link: Link


class Verdict(NamedTuple):
    """What was found of a claim: `holds`, and else what the log gives there instead (None: it ends before)."""

    claim: Claim
    holds: bool
    found: Link | None


class Chains:
    """The chains of all places while a log is read; claims are checked as their offsets pass."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self.heads: dict[Place, Link] = {}
        self._claims = list(claims)
        self._at: dict[tuple[Place, int], Link] = {}
        self._wanted = {(one.place, one.link.offset) for one in self._claims}

    def add(self, place: Place, offset: int, key: bytes, value: bytes) -> None:
        """Take in a record that belongs to the audit."""
        link = follow(self.heads.get(place, EMPTY), place, offset, key, value)
        self.heads[place] = link
        if (place, offset) in self._wanted:
            self._at[place, offset] = link

    def verdicts(self) -> list[Verdict]:
        """Judge the claims against what was read."""
        found = []
        for claim in self._claims:
            empty = claim.link.offset < 0
            link = EMPTY if empty else self._at.get((claim.place, claim.link.offset))
            found.append(Verdict(claim, link == claim.link, link))
        return found
