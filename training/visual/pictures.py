"""PNG files of RGB pixels (ISO/IEC 15948): the least of the format that every reader takes, and only that is read.

Eight bits a channel, no alpha, no interlacing; written without filters, read with any of the five.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import numpy as np

from ..example import DataError

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
"""[height, width, 3]."""

LARGEST: Final = 4096
"""Pixels of a side that are read; what a file claims is looked at before anything is unpacked."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEAD: Final = struct.Struct(">IIBBBBB")


def write_png(pixels: Pixels) -> bytes:
    """The file; the same pixels give the same bytes."""
    height, width, _ = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, width * 3)], 1)
    head = _HEAD.pack(width, height, 8, 2, 0, 0, 0)
    return _SIGNATURE + b"".join(
        _chunk(kind, body)
        for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    )


def read_png(content: bytes) -> Pixels:
    """The pixels; DataError for anything that is no such file, a wrong checksum included."""
    if not content.startswith(_SIGNATURE):
        raise DataError("a picture is no PNG file")
    head, packed, place = b"", b"", len(_SIGNATURE)
    while place + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        kind, body = content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
        if content[place + 8 + size : place + 12 + size] != struct.pack(">I", zlib.crc32(kind + body)):
            raise DataError("a picture has a wrong checksum")
        head, packed = (body if kind == b"IHDR" else head), (packed + body if kind == b"IDAT" else packed)
        place += 12 + size
    if len(head) != _HEAD.size:
        raise DataError("a picture has no head")
    width, height, *form = _HEAD.unpack(head)
    if form != [8, 2, 0, 0, 0] or not 0 < width <= LARGEST or not 0 < height <= LARGEST:
        raise DataError("a picture is not of eight-bit RGB, or too large")
    unpacked = zlib.decompressobj().decompress(packed, height * (width * 3 + 1) + 1)
    if len(unpacked) != height * (width * 3 + 1):
        raise DataError("a picture has too few or too many pixels")
    return _unfiltered(np.frombuffer(unpacked, np.uint8).reshape(height, -1), width)


def _unfiltered(lines: Pixels, width: int) -> Pixels:
    found = np.zeros((lines.shape[0], width * 3), np.int32)
    above = np.zeros(width * 3, np.int32)
    for row, (kind, *_) in enumerate(lines[:, :1]):
        line = lines[row, 1:].astype(np.int32)
        if kind == 2:
            line = (line + above) % 256
        elif kind in (1, 3, 4):
            for place in range(width * 3):
                left = int(line[place - 3]) if place >= 3 else 0
                corner = int(above[place - 3]) if place >= 3 else 0
                line[place] = (line[place] + _PREDICTED[int(kind)](left, int(above[place]), corner)) % 256
        elif kind != 0:
            raise DataError("a picture has a filter that there is not")
        found[row] = above = line
    return found.astype(np.uint8).reshape(lines.shape[0], width, 3)


def _paeth(left: int, above: int, corner: int) -> int:
    """Of the three the nearest to left + above - corner; ties in that order (section 9.4)."""
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))


_PREDICTED: Final = {1: lambda left, above, corner: left, 3: lambda left, above, corner: (left + above) // 2, 4: _paeth}


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
