"""A Context as bytes, for the column beside a Record: JSON with members in one order, read back strictly."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Literal

import msgspec

from ..model import Context

MOST_BYTES: Final = 64 * 1024
_MOST_ATTRIBUTES: Final = 256
"""More than a Reader writes, so that a later one may write more and still be read by this one."""


class Unreadable(ValueError):
    """Bytes that are no Context."""


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tool: str
    attributes: tuple[tuple[str, str], ...]
    words: str
    v: Literal[1]


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Written).decode


def encode(context: Context) -> bytes:
    """Equal contexts, equal bytes."""
    return _encode(_Written(context.tool, context.attributes, context.words, 1))


def decode(data: bytes) -> Context:
    """The Context that `encode` wrote. Raises Unreadable for everything else: its names must be sorted, each once."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"a context of more than {MOST_BYTES} bytes")
    try:
        written = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable("the text is no context") from error
    names = [name for name, _ in written.attributes]
    if len(names) > _MOST_ATTRIBUTES or any(one >= other for one, other in pairwise(names)):
        raise Unreadable("the attributes of a context are sorted, each name once")
    return Context(written.tool, written.attributes, written.words)
