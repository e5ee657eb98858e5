"""Policies on disk, keys, and bundles of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from policy_dsl import load
from server.versions import Bundle, SigningKey, TrustedKeys, collected

GOOD = """language 1
use tools "tools.json"
import "more.lw"
allow read(path)
test "reads" {
  call read(path: "a") => allow
}
"""
FILES = {
    "gate.lw": GOOD,
    "more.lw": "language 1\nallow stat(path)\n",
    "tools.json": (
        '[{"name": "read", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}},'
        ' {"name": "stat", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}]'
    ),
}


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.make(tmp_path_factory.mktemp("key") / "ops.pem")


@pytest.fixture(scope="session")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.make(tmp_path_factory.mktemp("key") / "other.pem")


@pytest.fixture(scope="session")
def trusted(key: SigningKey) -> TrustedKeys:
    return TrustedKeys.read({"ops": key.public.text})


MakeBundle = Callable[..., Bundle]


@pytest.fixture
def make_bundle(tmp_path: Path, key: SigningKey) -> MakeBundle:
    """A signed bundle of files, by their names; the first one is the policy that is named. Serials rise."""
    folders = itertools.count(1)

    def make(files: Mapping[str, str] = FILES, serial: int | None = None) -> Bundle:
        number = next(folders)
        folder = tmp_path / f"policy{number}"
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        entry = str(folder / next(iter(files)))
        return collected([entry], None, load([entry]), serial or number).signed(key)

    return make
