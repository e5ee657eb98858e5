"""What an encoder is to the rest of memory, and how it fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

LONGEST = 16_000
"""Characters of a text that encoders read: bounds their time, whatever a report brings."""


class Encoder(Protocol):
    """Texts to rows of length one.

    `id` names the mapping itself, with a version: two encoders of one id give equal rows, so rows that are kept carry
    the id of what made them and are made anew when it changes. A row depends on its own text only, never on the batch
    it came in. A text in which the encoder finds nothing gives a row of zeros.
    """

    @property
    def id(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Rows:
        """float32 of shape (len(texts), dim)."""
        ...


def readable(text: str) -> str:
    """The text as encoders read it: cut, and with `?` for halves of surrogate pairs, which no encoding has."""
    return text[:LONGEST].encode("utf-8", "replace").decode()


class EncoderError(Exception):
    """An encoder cannot be had. `help` says what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


class UnknownEncoder(EncoderError):
    """No encoder has this name."""


class EncoderMissing(EncoderError):
    """The library or the weights of an encoder are not installed."""


class WeightsDiffer(EncoderError):
    """The weights on disk are not the ones that the code was written for: rows would not be what their id says."""
