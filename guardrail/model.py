"""Who acts and what is asked: Principal and ToolCall."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts, from verified credentials, never from arguments.

    `claims` are verified facts about the principal. `via` is the chain of agents that delegated, outermost first.
    `key` is an interned text, equal exactly when tenant, agent, user, roles and via are equal.
    """

    tenant: str | None = None
    agent: str | None = None
    user: str | None = None
    roles: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, compare=False)
    via: tuple[str, ...] = ()
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # repr() of a tuple quotes each part, so no choice of names can make two principals share a key.
        parts = (self.tenant, self.agent, self.user, tuple(sorted(self.roles)), self.via)
        object.__setattr__(self, "key", sys.intern(repr(parts)))

    @property
    def actor(self) -> str:
        """The key of tenant, agent and user alone: what nobody does about a call of their own must not hang on the
        roles or the delegation of the credential that they come with."""
        return Principal(self.tenant, self.agent, self.user).key


ANYONE = Principal()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as it will be released: `arguments` came from the strict parser (numbers are int or Decimal).

    `server` is None where the door has no notion of servers (LLM APIs). `call_id` is the id the model gave it.
    """

    tool: str
    arguments: Mapping[str, Any]
    call_id: str = ""
    server: str | None = None
