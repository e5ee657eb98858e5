"""training/visual/pictures.py, seen.py and desk.py: files are what was labelled, and the evidence only a picture."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from training import DataError
from training.visual import PLACE, Seen, desk, read_png, read_seen, write_png, write_seen

PIXELS = (np.arange(5 * 7 * 3).reshape(5, 7, 3) * 37 % 256).astype(np.uint8)


def test_a_picture_comes_back_as_it_was() -> None:
    content = write_png(PIXELS)
    assert (read_png(content) == PIXELS).all()
    assert write_png(PIXELS) == content


def filtered(kind: int) -> bytes:
    """The same picture, its lines written with one of the filters of the standard (section 9.2), straight from it."""
    flat = PIXELS.reshape(5, 21).astype(int)
    lines = b""
    for row in range(5):
        line = [kind]
        for place in range(21):
            left = flat[row, place - 3] if place >= 3 else 0
            above = flat[row - 1, place] if row else 0
            corner = flat[row - 1, place - 3] if row and place >= 3 else 0
            guess = left + above - corner
            near = [abs(guess - one) for one in (left, above, corner)]
            paeth = (left, above, corner)[near.index(min(near))]
            line.append((flat[row, place] - (0, left, above, (left + above) // 2, paeth)[kind]) % 256)
        lines += bytes(int(one) for one in line)
    content = write_png(PIXELS)
    start = content.index(b"IDAT") - 4
    body = zlib.compress(lines)
    packed = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    return content[:start] + packed + content[content.index(b"IEND") - 4 :]


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_is_read(kind: int) -> None:
    assert (read_png(filtered(kind)) == PIXELS).all()


def test_what_is_no_such_picture_is_refused() -> None:
    content = write_png(PIXELS)
    head = content.index(b"IHDR") + 4
    alpha = content[:head] + content[head : head + 9] + b"\x06" + content[head + 10 :]
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + alpha[head : head + 13]))
    huge = content[:head] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + content[head + 8 :]
    huge_crc = struct.pack(">I", zlib.crc32(b"IHDR" + huge[head : head + 13]))
    for bad in (
        b"GIF89a",
        content[:-20],
        content.replace(b"IDAT", b"IDAX"),
        alpha[: head + 13] + crc + alpha[head + 17 :],
        huge[: head + 13] + huge_crc + huge[head + 17 :],
        content[:head] + b"\x01" + content[head + 1 :],
    ):
        with pytest.raises(DataError):
            read_png(bad)


def test_a_folder_is_read_back_and_another_picture_refused(tmp_path: Path) -> None:
    cases, files = desk(9, 1)
    write_seen(tmp_path, cases, files)
    assert read_seen(tmp_path) == (cases, files)
    swapped = sorted(files)[:2]
    (tmp_path / swapped[0]).write_bytes(files[swapped[1]])
    with pytest.raises(DataError, match="is not the picture that"):
        read_seen(tmp_path)


def test_a_changed_line_a_path_outside_and_a_missing_place_are_refused(tmp_path: Path) -> None:
    cases, files = desk(3, 1)
    write_seen(tmp_path, cases, files)
    lines = tmp_path / "seen.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b'"effect":"allow"', b'"effect":"forbid"'))
    with pytest.raises(DataError, match="not the file of its manifest"):
        read_seen(tmp_path)
    outside = msgspec.structs.replace(cases[0].pictures[0], path="../secret.png")
    with pytest.raises(DataError, match="no path of a picture"):
        write_seen(tmp_path, [msgspec.structs.replace(cases[0], pictures=(outside,))], files)
    with pytest.raises(DataError, match="not as many places"):
        write_seen(tmp_path, [msgspec.structs.replace(cases[0], question="nothing to see")], files)


def test_the_words_say_nothing_of_the_effect_and_the_picture_all() -> None:
    cases, files = desk(300, 5)
    assert Counter(case.effect for case in cases) == {"allow": 100, "ask": 100, "forbid": 100}
    assert desk(300, 5) == (cases, files), "the same seed, the same bytes"
    colours = {"allow": 1, "ask": 2, "forbid": 0}

    def strongest(case: Seen) -> int:
        pixels = read_png(files[case.pictures[0].path]).astype(int)
        blocks = [pixels[top : top + 8, left : left + 8] for top in range(16, 25) for left in range(25)]
        flat = max(blocks, key=lambda block: float(block.mean((0, 1)).max() - block.mean((0, 1)).min()))
        return int(flat.mean((0, 1)).argmax())

    right = sum(strongest(case) == colours[case.effect] for case in cases[:40])
    assert right >= 39, "the colour of the stamp is the evidence"
    for case in cases:
        assert case.question.startswith(PLACE)
        assert hashlib.sha256(files[case.pictures[0].path]).hexdigest() == case.pictures[0].sha256
    amounts = {effect: [c.call["args"]["amount"] for c in cases if c.effect == effect] for effect in colours}
    means = [sum(found) / 100 for found in amounts.values()]
    assert max(means) - min(means) < 150, "the amount is drawn apart from the stamp"
