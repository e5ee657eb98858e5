"""The intents that this version of the language knows: one file of data each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from .. import strict_json
from ..json_schema import from_json_schema
from ..types import Member, Object


@dataclass(frozen=True, slots=True)
class Schema:
    """One version of an intent. `fields` are in the order of the file; `digest` is `sha256:` over its bytes."""

    name: str
    version: int
    fields: Mapping[str, Member]
    digest: str

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(name for name, member in self.fields.items() if member.required)


def schema(name: str, version: int) -> Schema | None:
    """That version of that intent, None where there is none."""
    return _all().get((name, version))


def named(name: str) -> tuple[Schema, ...]:
    """Every version of an intent, oldest first; without a version, none is known."""
    return tuple(found for (other, _), found in sorted(_all().items()) if other == name)


def names() -> tuple[str, ...]:
    return tuple(sorted({name for name, _ in _all()}))


@cache
def _all() -> dict[tuple[str, int], Schema]:
    found = {}
    for entry in files(__package__).iterdir():
        match = _FILE.fullmatch(entry.name)
        if match is not None:
            name, version = match[1], int(match[2])
            found[name, version] = _read(name, version, entry.read_bytes())
    return found


def _read(name: str, version: int, data: bytes) -> Schema:
    declared = from_json_schema(strict_json.parse(data, numbers="kept"), place=f"{name}-{version}")
    if not isinstance(declared, Object):
        raise ValueError(f"{name}-{version}.json describes no object")
    return Schema(name, version, declared.members, f"sha256:{hashlib.sha256(data).hexdigest()}")


_FILE: Final = re.compile(r"([a-z][a-z_-]*)-([1-9][0-9]*)\.json")
