"""From a call's arguments to what is recorded of them: a salted digest for the chain, a payload that can be erased."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from guardrail import Payload, arguments_digest

from .redaction import redacted


def sealed(arguments: Mapping[str, Any], salt: bytes | None = None) -> tuple[str, Payload]:
    """The digest of the arguments as they are, and the Payload that keeps them redacted. `salt`: 16 random bytes."""
    chosen = os.urandom(16) if salt is None else salt
    encoded, kept = redacted(arguments)
    return arguments_digest(chosen, encoded), Payload(chosen, kept)
