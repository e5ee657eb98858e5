"""`did you mean`: the name somebody most likely meant, for the help of a finding."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from policy_dsl.errors import quoted

LISTED = 8
"""Names shown where none is close."""


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """`did you mean X?` where a known name is close, else the known names; `what` says what they are."""
    names = list(dict.fromkeys(known))
    lower = {candidate.lower(): candidate for candidate in names}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {quoted(lower[close[0]])}?"
    if not names:
        return f"there are no {what}"
    shown = ", ".join(quoted(candidate) for candidate in names[:LISTED])
    return f"{what}: {shown}{', ...' if len(names) > LISTED else ''}"
