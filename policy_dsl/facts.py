"""What a rule may ask about besides the arguments: who acts, and the user's own words.

`Facts` is the narrow view of a Session and a Principal that the language needs, so that this floor knows neither.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """`tenant`, `agent`, `user` are None and `roles` empty where nothing is known: then only unscoped rules bind.

    `key` is an interned text that is equal exactly when the four are equal (Program caches bound rules by it).
    `user_words` holds the user's own words so far, newest last; empty where nobody trustworthy spoke for the user.
    """

    tenant: str | None = None
    agent: str | None = None
    user: str | None = None
    roles: frozenset[str] = frozenset()
    key: str = ""
    user_words: tuple[str, ...] = ()


NOBODY = Facts()
