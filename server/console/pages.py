"""The files of the console, each at its path, with the headers that keep everything else out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from ..exchange import Whole


class Page(NamedTuple):
    file: str
    content_type: str


PAGES: Final[Mapping[str, Page]] = {
    "/": Page("index.html", "text/html; charset=utf-8"),
    "/console/approvals.js": Page("approvals.js", "text/javascript; charset=utf-8"),
    "/console/console.css": Page("console.css", "text/css; charset=utf-8"),
}

_ALLOWED: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)

_HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-cache",
    "content-security-policy": "; ".join(_ALLOWED),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@cache
def page(path: str) -> Whole:
    """The answer at one of PAGES."""
    found = PAGES[path]
    return Whole(200, (files(__package__) / found.file).read_bytes(), _HEADERS, found.content_type)
