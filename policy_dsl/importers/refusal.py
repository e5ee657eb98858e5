"""How an importer says that something cannot be written here as it was meant there."""

from __future__ import annotations

from ..ast import NOWHERE, Span
from ..errors import PolicyError


class ImportRefused(PolicyError):
    """A foreign policy, or a part of it, that has no counterpart. `place` is a JSON pointer (RFC 6901) into the
    document; where the foreign text has lines, `span` and `source` underline the part instead."""

    def __init__(
        self,
        fault: str,
        *,
        path: str,
        place: str = "",
        span: Span = NOWHERE,
        source: str = "",
        help: str | None = None,
    ) -> None:
        message = f"{place}: {fault}" if place else fault
        super().__init__(message, code="import", span=span, path=path, source=source, help=help)
        self.fault = fault
        self.place = place


def pointer(place: str, *steps: str | int) -> str:
    """The JSON pointer of a part of what stands at `place`."""
    return place + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
