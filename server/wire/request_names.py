"""Names of a request's members that differ from a known one only in how they are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet
from typing import Final

from .errors import MalformedRequest

_PLAIN: Final = re.compile(r"[a-z0-9_]+")


def check_name(name: str, known: AbstractSet[str]) -> None:
    """Raises MalformedRequest for a name that a server which ignores case, width or blanks reads as one of `known`: the
    member that was checked under its own name would then not be the one that counts."""
    if not _PLAIN.fullmatch(name) and unicodedata.normalize("NFKC", name).casefold().strip() in known:
        raise MalformedRequest("a member's name differs from a known one only in how it is written")


def wrong_member(name: str) -> MalformedRequest:
    return MalformedRequest(f"`{name}` is missing or not of the type it has in this API")
