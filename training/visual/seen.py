"""Cases with pictures as a folder: `seen.jsonl`, `pictures/*.png`, and a manifest with the hash of every file.

A case names its pictures by path and sha256. A path leads nowhere but into the folder, and a picture that is not the
one that was labelled is refused: with another stamp on it the label would teach the opposite.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from ..example import DataError

PLACE: Final = "<image>"
"""Stands in a text where a picture does, in the order of `pictures`."""

_LINES: Final = "seen.jsonl"
_MANIFEST: Final = "manifest.json"
_NAME: Final = re.compile(r"pictures/[a-z0-9-]+\.png")


class Picture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    sha256: str


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`question` has a PLACE for each of `pictures`; `answer` is one line of canonical JSON as in Example, `thought`
    what the picture shows and what follows."""

    id: str
    policy: str
    question: str
    pictures: tuple[Picture, ...]
    thought: str
    answer: str
    effect: str
    rule: str | None
    call: dict[str, Any]
    context: dict[str, Any]
    split: str


def write_seen(folder: str | Path, cases: Sequence[Seen], files: Mapping[str, bytes]) -> None:
    """`files` are the pictures by path. DataError where a case names one that is not there, or with another hash."""
    place = Path(folder)
    (place / "pictures").mkdir(parents=True, exist_ok=True)
    (place / _MANIFEST).unlink(missing_ok=True)
    for path, content in files.items():
        _named(path)
        (place / path).write_bytes(content)
    for case in cases:
        _compared(case, lambda path: files.get(path))
    lines = b"".join(msgspec.json.encode(case, order="deterministic") + b"\n" for case in cases)
    (place / _LINES).write_bytes(lines)
    manifest = {"format": 1, "seen": hashlib.sha256(lines).hexdigest(), "cases": len(cases)}
    (place / _MANIFEST).write_bytes(msgspec.json.encode(manifest, order="deterministic") + b"\n")


def read_seen(folder: str | Path) -> tuple[list[Seen], dict[str, bytes]]:
    """Cases and their pictures. DataError for a hash that does not fit, a path that leads out, a line that is none."""
    place = Path(folder)
    try:
        manifest = msgspec.json.decode((place / _MANIFEST).read_bytes(), type=dict[str, Any])
        lines = (place / _LINES).read_bytes()
        cases = [msgspec.json.decode(line, type=Seen) for line in lines.splitlines()]
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"the folder `{place}` cannot be read: {error}") from error
    if manifest.get("seen") != hashlib.sha256(lines).hexdigest():
        raise DataError(f"`{_LINES}` in `{place}` is not the file of its manifest")
    files: dict[str, bytes] = {}

    def file(path: str) -> bytes | None:
        if path not in files and (place / path).is_file():
            files[path] = (place / path).read_bytes()
        return files.get(path)

    for case in cases:
        _compared(case, file)
    return cases, files


def _compared(case: Seen, file: Any) -> None:
    if case.question.count(PLACE) != len(case.pictures):
        raise DataError(f"`{case.id}` has {len(case.pictures)} pictures and not as many places")
    for picture in case.pictures:
        _named(picture.path)
        content = file(picture.path)
        if content is None or hashlib.sha256(content).hexdigest() != picture.sha256:
            raise DataError(f"`{picture.path}` is not the picture that `{case.id}` was labelled with")


def _named(path: str) -> None:
    if not _NAME.fullmatch(path):
        raise DataError(f"`{path}` is no path of a picture in the folder")
