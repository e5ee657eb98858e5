"""What the strictly read requests of every API have alike: how a body is read, an unchanged tree, and its print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final, Generic, NamedTuple, Self, TypeVar

from policy_dsl.strict_json import MAX_DEPTH, StrictJsonError, encode, parse_printed

from .errors import MalformedRequest
from .offer import Offer
from .request_names import check_name, wrong_member
from .reserved import Reserved


class Members:
    """The members of an API's requests. `types` are those that are read, and what each may be: one that may not be null
    is needed. `acting` make the provider act by itself. `refused` are not passed on if they say anything, with why."""

    def __init__(
        self, types: Mapping[str, tuple[type, ...]], acting: Mapping[str, str], refused: Mapping[str, str]
    ) -> None:
        self._types = types
        self._refused = refused
        self._needed = tuple(name for name, allowed in types.items() if NoneType not in allowed)
        self._known = frozenset((*types, *acting, *refused))

    def read(self, body: bytes) -> tuple[dict[str, Any], bytes]:
        """The tree of a body, and its print. Raises MalformedRequest."""
        try:
            tree: Any
            tree, printed = parse_printed(body, numbers="kept")
        except StrictJsonError as error:
            raise MalformedRequest(f"the body is not strict JSON: {error.message} ({error.code})") from None
        if not isinstance(tree, dict):
            raise MalformedRequest("the body is not an object")
        for name in self._needed:
            if name not in tree:
                raise wrong_member(name)
        for name, value in tree.items():
            types = self._types.get(name)
            if types is None:
                check_name(name, self._known)
            elif type(value) not in types:
                raise wrong_member(name)
            if name in self._refused and value is not None and (types is None or value is not False):
                raise MalformedRequest(f"`{name}` is not passed on: {self._refused[name]}", code="unsupported-member")
        return tree, printed


_OWN_DEPTH: Final = 2 * MAX_DEPTH
"""Of what the gate printed itself: calls of an answer stand in the request that follows it."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A strictly read request. `tree` is never changed; every step that changes something gives a new one.

    `printed` is a tree and its print: a request that leaves as it was read is not printed again. Names that are
    `reserved` are broken as it leaves: in every round, since a model too says what its client had it say.
    """

    tree: dict[str, Any]
    offers: tuple[Offer, ...]
    printed: tuple[dict[str, Any], bytes]
    reserved: Reserved | None = None

    @property
    def model(self) -> str:
        return str(self.tree["model"])

    @property
    def stream(self) -> bool:
        return self.tree.get("stream") is True

    def encode(self) -> bytes:
        tree, printed = self.printed
        said = self.tree if self.reserved is None else self.reserved.cleared(self.tree)
        return printed if tree is said else encode(said)

    def sent(self) -> Sent[Self]:
        return Sent(self.encode(), type(self), self.reserved)


Kind = TypeVar("Kind", bound=ReadRequest)


class Sent(NamedTuple, Generic[Kind]):
    """What an upstream was asked, in bytes alone. A model may think for minutes, and a tree takes several times the
    memory of its print; only where every call of the answer is refused is it needed again."""

    body: bytes
    kind: type[Kind]
    reserved: Reserved | None

    def request(self) -> Kind:
        """The request as it was sent. Without offers: which of them stay was settled before."""
        tree: Any
        tree, printed = parse_printed(self.body, max_depth=_OWN_DEPTH, numbers="kept")
        return self.kind(tree, (), (tree, printed), self.reserved)
