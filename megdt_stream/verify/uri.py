"""Two small grammars of attributes: a URI reference (RFC 3986) and the media type of JSON (RFC 9110)."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

_FREE: Final = r"A-Za-z0-9\-._~!$&'()*+,;="  # unreserved and sub-delims
_PERCENT: Final = "%[0-9A-Fa-f]{2}"
_CHARACTER: Final = rf"(?:[{_FREE}:@]|{_PERCENT})"
_USER: Final = rf"(?:[{_FREE}:]|{_PERCENT})*@"
_HOST: Final = rf"(?:\[[^\[\]]*\]|(?:[{_FREE}]|{_PERCENT})*)"
_AUTHORITY: Final = rf"//(?:{_USER})?{_HOST}(?::[0-9]*)?(?:/{_CHARACTER}*)*"
_ROOTED: Final = rf"/(?:{_CHARACTER}+(?:/{_CHARACTER}*)*)?"
_ROOTLESS: Final = rf"{_CHARACTER}+(?:/{_CHARACTER}*)*"
_NO_SCHEME: Final = rf"(?:[{_FREE}@]|{_PERCENT})+(?:/{_CHARACTER}*)*"
_TAIL: Final = rf"(?:\?(?:{_CHARACTER}|[/?])*)?(?:#(?:{_CHARACTER}|[/?])*)?"
_REFERENCE: Final = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]*:(?:{_AUTHORITY}|{_ROOTED}|{_ROOTLESS}|)"
    rf"|(?:{_AUTHORITY}|{_ROOTED}|{_NO_SCHEME}|)){_TAIL}"
)
_LITERAL: Final = re.compile(r"\[([^\]]*)\]")
_FUTURE: Final = re.compile(rf"[vV][0-9A-Fa-f]+\.[{_FREE}:]+")

_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*"'
_JSON_TYPE: Final = re.compile(
    rf"application/json(?:[ \t]*;[ \t]*(?:{_WORD}=(?:{_WORD}|{_QUOTED}))?)*[ \t]*", re.IGNORECASE | re.ASCII
)


def is_uri_reference(text: str) -> bool:
    """Say whether a text is a URI or a relative reference."""
    if _REFERENCE.fullmatch(text) is None:
        return False
    return all(_is_literal(address) for address in _LITERAL.findall(text))


def _is_literal(address: str) -> bool:
    """Say whether what stands between brackets is an IPv6 address, or one of a version to come."""
    if _FUTURE.fullmatch(address):
        return True
    if "%" in address:
        return False  # Python takes a zone, RFC 3986 does not
    try:
        IPv6Address(address)
    except AddressValueError:
        return False
    return True


def is_json_type(text: str) -> bool:
    """Say whether a text is the media type application/json, with or without parameters."""
    return _JSON_TYPE.fullmatch(text) is not None


def is_batch_type(text: str) -> bool:
    """Say whether a text is the media type of a batch of CloudEvents."""
    return text.partition(";")[0].strip(" \t").lower() == "application/cloudevents-batch+json"
