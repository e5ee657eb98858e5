"""The Session: what the gate itself knows of one run. It only ever grows (design: monotone)."""

from __future__ import annotations

from collections.abc import Iterable

from policy_dsl import Facts

from .model import Principal

USER_WORDS_KEPT = 64 * 1024
"""Characters of the user's own words that a Session holds; what comes later than that is not matched by `from user`."""


class Session:
    """One run of one Principal. Not thread-safe: the gate feeds each Session from one task at a time."""

    __slots__ = ("_facts", "_said", "_size", "principal", "run_id")

    def __init__(self, principal: Principal, run_id: str = "") -> None:
        self.principal = principal
        self.run_id = run_id
        self._said: dict[str, None] = {}
        self._size = 0
        self._facts = self._facts_now()

    @property
    def facts(self) -> Facts:
        """What rules may ask about this session; the same object until something new is learnt."""
        return self._facts

    def user_said(self, words: Iterable[str]) -> None:
        """Add words that the user is known to have said. Repeated words are kept once; nothing is ever taken away."""
        fresh = [text for text in words if text not in self._said]
        for text in fresh:
            if self._size + len(text) > USER_WORDS_KEPT:
                break
            self._said[text] = None
            self._size += len(text)
        if fresh:
            self._facts = self._facts_now()

    def _facts_now(self) -> Facts:
        who = self.principal
        return Facts(who.tenant, who.agent, who.user, who.roles, who.key, tuple(self._said))
