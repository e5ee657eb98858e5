"""One bare mail address, and its domain.

The local part is RFC 5322's dot-atom without the two characters that relays read as routing: `%` (the percent hack)
and `!` (a bang path). It may not begin with `|`, `/` or `-`: mailers that follow sendmail deliver to a program, to a
file, or read an option there. Display names, comments, quoted local parts, lists, address literals, source routes and
internationalised domains are refused: mail programs disagree on them.
"""

from __future__ import annotations

import re
from typing import Final

from . import host

_LOCAL: Final = re.compile(r"(?![|/-])[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*")

MAX_LOCAL_LENGTH: Final = 64
"""RFC 5321 section 4.5.3.1.1."""

MAX_ADDRESS_LENGTH: Final = 254
"""RFC 5321 section 4.5.3.1.3, as erratum 1690 on RFC 3696 counts it."""


def address_domain(text: str) -> str | None:
    """The lower-case domain of one bare address, None where `text` is not exactly that."""
    if len(text) > MAX_ADDRESS_LENGTH:
        return None
    local, at, domain = text.partition("@")
    if not at or len(local) > MAX_LOCAL_LENGTH or not _LOCAL.fullmatch(local):
        return None
    return host.canonical(domain)
