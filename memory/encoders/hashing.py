"""An encoder that needs neither weights nor a library: signed hashing of n-grams.

Features of a text: the character 3-, 4- and 5-grams inside its words, each word padded by a space on both sides, the
words, and the pairs of neighbouring words. Each feature falls into one of `dim` buckets with a sign (Weinberger et al.
2009, "Feature Hashing for Large Scale Multitask Learning": the sign makes collisions cancel in the mean), counts with
the square root of how often it occurs, and the row is scaled to length one.

The hash is multilinear: (m0 + m1*c1 + ... + mn*cn mod 2^64) >> 32, strongly universal over 32-bit characters (Lemire
and Kaser 2014, "Strongly universal string hashing is fast"), because it is computed for all grams of a text at once;
zlib.crc32 gram by gram takes three times as long. It is no secret: who writes a text can make it collide. That is
bearable, as rows only bound how far a rule reaches and its condition has to hold all the same.

Rows are equal to the bit on every platform: weights are whole numbers, so that sums and squares (below 2^53 for the
longest text) are exact in any order, and IEEE 754 prescribes what the root and the division after them give.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from .port import LONGEST, Rows, readable

_VERSION = 1
_TOKENS = re.compile(r"\w+|[^\w\s!-/:-@\[-`{-~]")
"""Words, and each symbol beyond ASCII by itself: two emoji may say opposite things."""
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
"""Format characters that no reader sees: they neither part a word nor are one."""
_WORD_WEIGHT = 2
"""What a word counts against one of its character grams, of which a word of five letters has twelve."""
_GRAMS = (3, 4, 5)


def _keys(name: str, count: int) -> NDArray[np.uint64]:
    """Fixed 64-bit multipliers, the same in every process."""
    digest = blake2b(f"leastward hashing {_VERSION} {name}".encode(), digest_size=8 * count).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


_GRAM_KEYS, _WORD_KEYS, _PAIR_KEYS = _keys("gram", 1 + max(_GRAMS)), _keys("word", 2), _keys("pair", 3)
_SPACE = 32
_UNIT = 256.0
"""The weight of a character gram that occurs once; square roots are rounded to whole multiples of 1/256."""
_HIGH, _WORD_BIT = np.uint64(32), np.uint32(1)
_FACTORS = np.array([1.0, _WORD_WEIGHT, -1.0, -_WORD_WEIGHT])
"""By the lowest two bits of a hash: whether it is of a word, and the sign."""


class HashingEncoder:
    """`dim` buckets, a power of two up to 2^20; 256 tell apart what the reports of one tool contain."""

    def __init__(self, dim: int = 256) -> None:
        if dim < 2 or dim > 1 << 20 or dim & (dim - 1):
            raise ValueError(f"dim must be a power of two from 2 to {1 << 20}, not `{dim}`")
        self._dim = dim
        self._mask = np.uint32(4 * dim - 1)

    @property
    def id(self) -> str:
        return f"hashing-{self._dim}-{_VERSION}"

    @property
    def dim(self) -> int:
        return self._dim

    def encode(self, texts: Sequence[str]) -> Rows:
        rows = np.zeros((len(texts), self._dim), dtype=np.float32)
        for at, text in enumerate(texts):
            words = _words(text)
            if words:
                self._fill(rows[at], f" {' '.join(words)} ")
        return rows

    def _fill(self, row: NDArray[np.float32], joined: str) -> None:
        terms = _terms(joined)
        hashes = (np.concatenate((*_grams(joined), *terms)) >> _HIGH).astype(np.uint32)
        first = len(hashes) - sum(map(len, terms))
        hashes[:first] &= ~_WORD_BIT
        hashes[first:] |= _WORD_BIT
        hashes.sort()
        ends = np.append(hashes[1:] != hashes[:-1], True).nonzero()[0]
        counts = ends.copy()
        counts[0] += 1
        counts[1:] -= ends[:-1]
        weights = np.rint(np.sqrt(counts) * _UNIT)
        parts = np.bincount(hashes[ends] & self._mask, weights, 4 * self._dim)
        sums = parts.reshape(self._dim, 4) @ _FACTORS
        length = math.sqrt(sums @ sums)
        if length > 0.0:
            row[:] = sums / length


def _words(text: str) -> list[str]:
    text = readable(text)
    if not text.isascii():
        text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return _TOKENS.findall(text.casefold()[:LONGEST])


def _grams(joined: str) -> list[NDArray[np.uint64]]:
    """Sums, whose high halves are hashes, of the 3-, 4- and 5-grams of `joined` that have no space but at their ends.

    One key per place serves all lengths: a shorter gram is a longer one that ends in characters 0, which no text has.
    """
    letters = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    inside = letters != _SPACE
    sums = letters[:-1] * _GRAM_KEYS[1]
    sums += letters[1:] * _GRAM_KEYS[2]
    sums += _GRAM_KEYS[0]
    whole = inside[1:]
    found = []
    for length in _GRAMS[: len(letters) - 2]:
        sums = sums[:-1] + letters[length - 1 :] * _GRAM_KEYS[length]
        found.append(sums[whole[:-1]])
        whole = whole[:-1] & inside[length - 1 :]
    return found


def _terms(joined: str) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The same of the words and of the pairs of neighbouring words."""
    codes = np.array(list(map(crc32, joined.encode().split())), dtype=np.uint64)
    words = codes * _WORD_KEYS[1] + _WORD_KEYS[0]
    pairs = codes[:-1] * _PAIR_KEYS[1] + codes[1:] * _PAIR_KEYS[2] + _PAIR_KEYS[0]
    return words, pairs
