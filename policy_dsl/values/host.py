"""Host names: ASCII letters, digits and hyphens in dotted labels (RFC 1123 section 2.1), compared without case.

Left out because readers differ on them: IP addresses in any spelling (WHATWG URL calls a host a number when its last
label is one: `127.0.0.1`, `2130706433`, `0x7f.1`), internationalised labels in either form, the root's trailing dot,
`_`.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

_LABEL: Final = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)*(?!(?:[0-9]+|0x[0-9a-f]*)\Z){_LABEL}")

MAX_HOST_LENGTH: Final = 253
"""RFC 1035 section 2.3.4: 255 octets on the wire."""


def canonical(text: str) -> str | None:
    """The lower-case spelling of a host name, None where `text` is not one."""
    if not text.isascii() or len(text) > MAX_HOST_LENGTH:
        return None
    lowered = text.lower()
    return lowered if _HOST.fullmatch(lowered) else None


def is_listed(name: str, listed: Set[str], *, subdomains: bool) -> bool:
    """Whether a canonical host name is one of `listed` (canonical too), or with `subdomains` stands below one."""
    if name in listed:
        return True
    while subdomains and "." in name:
        name = name.partition(".")[2]
        if name in listed:
            return True
    return False
