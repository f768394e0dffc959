"""The grammars of attribute values: URIs (RFC 3986), media types (RFC 2046), text (CloudEvents 1.0).

Written for the regular expressions of both the models (Rust) and Python; `compiled` bridges what differs.
"""

from __future__ import annotations

import re
from typing import Final

# A URI reference: an absolute or relative one, whose first segment holds no colon if there is no scheme.
_PCHAR: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_SEGMENT_NO_COLON: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=@]|%[0-9A-Fa-f]{2})+"
_USER: Final = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*"
_H16: Final = "[0-9A-Fa-f]{1,4}"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_LS32: Final = rf"(?:{_H16}:{_H16}|(?:{_OCTET}\.){{3}}{_OCTET})"
_IPV6: Final = "|".join(
    [
        f"(?:{_H16}:){{6}}{_LS32}",
        *(f"(?:(?:{_H16}:){{0,{4 - n}}}{_H16})?::(?:{_H16}:){{{n}}}{_LS32}" for n in range(5)),
        f"::(?:{_H16}:){{5}}{_LS32}",
        f"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}",
        f"(?:(?:{_H16}:){{0,6}}{_H16})?::",
    ]
)
_LITERAL: Final = rf"\[(?:{_IPV6}|[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
_HOST: Final = rf"(?:{_LITERAL}|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{{2}})*)"
_AUTHORITY: Final = rf"//(?:{_USER}@)?{_HOST}(?::[0-9]*)?(?:/{_PCHAR}*)*"
_ABSOLUTE_PATH: Final = rf"/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
_SCHEME_AND_PATH: Final = rf"[A-Za-z][A-Za-z0-9+.\-]*:(?:{_AUTHORITY}|{_ABSOLUTE_PATH}|{_PCHAR}+(?:/{_PCHAR}*)*)?"
_QUERY: Final = rf"(?:\?(?:{_PCHAR}|[/?])*)?"
_FRAGMENT: Final = rf"(?:#(?:{_PCHAR}|[/?])*)?"
URI_REFERENCE: Final = (
    rf"^(?:{_SCHEME_AND_PATH}|{_AUTHORITY}|{_ABSOLUTE_PATH}|{_SEGMENT_NO_COLON}(?:/{_PCHAR}*)*)?{_QUERY}{_FRAGMENT}$"
)
ABSOLUTE_URI: Final = rf"^{_SCHEME_AND_PATH}{_QUERY}$"

# What CloudEvents leaves out of a string: control characters and noncharacters (surrogates no decoder lets through).
_NO_TEXT: Final = r"\x00-\x1f\x7f-\x9f\x{FDD0}-\x{FDEF}" + "".join(
    rf"\x{{{plane << 16 | last:04X}}}" for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
TEXT: Final = rf"^[^{_NO_TEXT}]*$"
IDENTIFIER: Final = rf"^[^{_NO_TEXT}]{{1,128}}$"

_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = r'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*"'
_PARAMETERS: Final = rf"(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|{_QUOTED}))*"
MEDIA_TYPE: Final = rf"^{_WORD}/{_WORD}{_PARAMETERS}$"
JSON_MEDIA_TYPE: Final = rf"^(?i:application/json){_PARAMETERS}$"

_CODE_POINT: Final = re.compile(r"\\x\{([0-9A-F]+)\}")


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a model's pattern for Python, to be used with `fullmatch` (whose end is the very end)."""
    return re.compile(_CODE_POINT.sub(lambda found: f"\\U{int(found[1], 16):08x}", pattern))
