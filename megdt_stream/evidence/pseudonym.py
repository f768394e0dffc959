"""Pseudonyms, made at the edge: a keyed hash in place of a staff number, a name or an identity number.

The key stays with the hospital and never reaches Kafka, Redis or a log. Its version is the pseudonym's prefix, so that
a new key can take over while old evidence stays readable; `identity.linked` joins what two keys made of one person.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from hashlib import sha256
from typing import Final

MIN_KEY_BYTES: Final = 16
_PREFIX: Final = re.compile(r"[a-z][a-z0-9]{0,15}")
_BYTES: Final = 16
# Letters alone: a pseudonym with digits would now and then look like a phone or an identity number.
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class Pseudonymiser:
    """Makes one site's pseudonyms under one key: the same identifier always gives the same pseudonym."""

    __slots__ = ("_key", "prefix")

    def __init__(self, key: bytes, prefix: str = "p1") -> None:
        """Take the secret key (16 bytes or more) and the prefix that names its version.

        Raises ValueError when the key is too short or the prefix is not a letter and up to 15 letters or digits.
        """
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"the key has {len(key)} bytes, at least {MIN_KEY_BYTES} are needed")
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"the prefix {prefix!r} is not a small letter and up to 15 small letters or digits")
        self._key = key
        self.prefix = prefix

    def of(self, identifier: str, system: str = "") -> str:
        """Give the pseudonym of an identifier.

        `system` keeps apart the numbers that several systems gave out on their own; leave it empty where all use the
        same staff or student number. Widths and case of letters do not matter (NFKC, casefold), nor space around.
        HMAC-SHA256 (RFC 2104), 128 bits of it. Raises ValueError for an empty identifier.
        """
        plain = unicodedata.normalize("NFKC", identifier).strip().casefold()
        if not plain:
            raise ValueError("an empty identifier has no pseudonym")
        made = hmac.new(self._key, f"{system}\0{plain}".encode(), sha256).digest()[:_BYTES]
        return f"{self.prefix}.{made.hex().translate(_LETTERS)}"
