"""Persons of foreign formats, who become pseudonyms, and ids that may tell who somebody is."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1, sha256
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from megdt_stream.evidence.adapters import AdapterReason
from megdt_stream.evidence.adapters.reading import is_code, is_uuid
from megdt_stream.evidence.adapters.settling import Unusable
from megdt_stream.evidence.pseudonym import Pseudonymiser

_HINT: Final = "name one person by an identifier"


class PersonRule(BaseModel):
    """Identifiers that begin with `prefix` are those of a system: the rest is what the site knows the person by.

    So `https://lms.example.org/users/20231` and the staff number `20231` of another system are one pseudonym.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prefix: Annotated[str, Field(min_length=1, max_length=512)]
    system: Annotated[str, Field(max_length=128)] = ""


class People:
    """Gives pseudonyms by a site's key and its rules; the longest prefix decides."""

    __slots__ = ("_pseudonymiser", "_rules")

    def __init__(self, pseudonymiser: Pseudonymiser, rules: Sequence[PersonRule] = ()) -> None:
        """Take the key's pseudonymiser and the site's rules."""
        self._pseudonymiser = pseudonymiser
        self._rules = sorted(rules, key=lambda rule: len(rule.prefix), reverse=True)

    def of(self, identifier: str, path: str, system: str = "") -> str:
        """Give the pseudonym of an identifier as its system wrote it. Raises Unusable where it is empty."""
        try:
            return self._pseudonymiser.of(identifier, system)
        except ValueError as error:
            raise Unusable(AdapterReason.MISSING_PERSON, path, _HINT) from error

    def of_iri(self, iri: str, path: str) -> str:
        """Give the pseudonym of somebody named by an IRI or a reference. Raises Unusable."""
        rule = self._rule(iri)
        return self.of(iri, path) if rule is None else self.of(iri.removeprefix(rule.prefix), path, rule.system)

    def of_account(self, home: str, name: str, path: str) -> str:
        """Give the pseudonym of an account by where it is and its name there. Raises Unusable."""
        rule = self._rule(home)
        return self.of(name, path, home if rule is None else rule.system)

    def of_mailbox(self, mailbox: str, path: str) -> str:
        """Give the pseudonym of a `mailto:` IRI: without a rule that of its hash, so both forms are one person.

        Raises Unusable.
        """
        if self._rule(mailbox) is not None:
            return self.of_iri(mailbox, path)
        plain = mailbox.encode("utf-8", "replace")
        return self.of_mailbox_hash(sha1(plain, usedforsecurity=False).hexdigest(), path)

    def of_mailbox_hash(self, digest: str, path: str) -> str:
        """Give the pseudonym of the SHA-1 of a `mailto:` IRI in hex. Raises Unusable."""
        return self.of(digest, path, "mbox_sha1sum")

    def opaque(self, identifier: str, what: str) -> str:
        """Give a record's id that tells nobody anything: a UUID stays, all else is hashed with the key."""
        plain = identifier.removeprefix("urn:uuid:").lower()
        return plain if is_uuid(plain) else self._hashed(identifier, f"id of {what}")

    def code(self, name: str, *, hidden: bool) -> str:
        """Give a code: the name where it may stand as one and is not `hidden`, else a hash with the key."""
        return name if is_code(name) and not hidden else self._hashed(name, "code")

    def _rule(self, name: str) -> PersonRule | None:
        return next((rule for rule in self._rules if name.startswith(rule.prefix)), None)

    def _hashed(self, text: str, what: str) -> str:
        """Hash with the key. Not as a person's identifier is: case and widths make another record."""
        return self._pseudonymiser.of(sha256(text.encode("utf-8", "replace")).hexdigest(), what)
