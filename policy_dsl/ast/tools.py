"""Which tools, with which arguments, and for whom: the words a rule begins with."""

from __future__ import annotations

from dataclasses import dataclass, field

from .source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class ToolPattern:
    """`tool`, `server/tool`, `get_*`, `*`. `*` matches any run of characters but `/`; no `server` means any server."""

    server: str | None
    tool: str
    quoted: bool = field(default=False, compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class GroupName:
    """A group defined elsewhere by `group name = {...}`."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IntentName:
    """`intent payment`: every tool that an `intent payment N from ...` maps. A PolicySet's rules name those tools."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NamedArgument:
    """One name in a signature: `date?` may be absent or null; `attendees(lead, cc?)` closes an object's members too."""

    name: str
    optional: bool = False
    members: Signature | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """`(recipient, amount, date?)`, or `(recipient, ...)` where any further argument is accepted."""

    arguments: tuple[NamedArgument, ...]
    open: bool
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """`for agent "a" on behalf of role "r"`: every written kind must hold; inside one kind, any of the names.
    An empty tuple means the kind is not written. `via` names agents of the chain of delegation, anywhere in it."""

    tenants: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def is_everyone(self) -> bool:
        return not (self.tenants or self.agents or self.users or self.roles or self.via)


EVERYONE = Scope()
