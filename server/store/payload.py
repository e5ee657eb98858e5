"""From a call's arguments to what is recorded of them: salted digests for the chain, a payload that can be erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from guardrail import Payload, arguments_digest

from ..entropy import entropy
from .redaction import redacted


class Sealed(NamedTuple):
    """The digests of the arguments as they are and of what a rewrite made of them, and the Payload that keeps both
    redacted."""

    arguments: str
    released: str | None
    payload: Payload


def sealed(
    arguments: Mapping[str, Any],
    released: Mapping[str, Any] | None = None,
    salt: bytes | None = None,
    *,
    context: bytes | None = None,
    audit: float | None = None,
) -> Sealed:
    """`released` are the arguments that a rewrite made, None where none did. `salt`: 16 random bytes. `context` and
    `audit` are kept beside them (guardrail.Payload)."""
    chosen = entropy(16) if salt is None else salt
    encoded, kept = redacted(arguments)
    digest = arguments_digest(chosen, encoded)
    if released is None:
        return Sealed(digest, None, Payload(chosen, kept, None, context, audit))
    encoded, also_kept = redacted(released)
    return Sealed(digest, arguments_digest(chosen, encoded), Payload(chosen, kept, also_kept, context, audit))
