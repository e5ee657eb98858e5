"""One plain https URL, and its host.

A strict subset of RFC 3986: ASCII only, no user information, no port but 443, a host name as `host` defines it, and
after it only characters that the RFC allows unescaped or a well-formed `%hh`. Refused with the rest: backslashes
(browsers read them as slashes), tabs and line breaks (stripped by some readers), spaces, `[` and `]`. Where the URL
leads (redirects, name resolution) is for whoever fetches it to check again at each hop.
"""

from __future__ import annotations

import re
from typing import Final

from . import host

_PATH: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]++|%[0-9A-Fa-f]{2})*+"
_AFTER: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]++|%[0-9A-Fa-f]{2})*+"
_URL: Final = re.compile(
    rf"[Hh][Tt][Tt][Pp][Ss]://([A-Za-z0-9.-]++)(?::443)?(?:/{_PATH})?(?:\?{_AFTER})?(?:#{_AFTER})?"
)


def https_host(text: str) -> str | None:
    """The lower-case host of a plain https URL, None where `text` is not exactly that."""
    url = _URL.fullmatch(text)
    return host.canonical(url.group(1)) if url else None
