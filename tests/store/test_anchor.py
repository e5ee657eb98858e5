"""server/store/anchor.py: checkpoints outside the database, and what they show that the chain cannot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from guardrail import Record
from server.store import AnchorError, AnchorKey, Store, anchor

MakeRecord = Callable[..., Record]


@pytest.fixture
def anchored(store: Store, tmp_path: Path, make_record: MakeRecord) -> tuple[AnchorKey, Path]:
    """A store of ten records with a checkpoint after each five."""
    key, file = AnchorKey.make(tmp_path / "anchor.key"), tmp_path / "checkpoints"
    for _ in range(2):
        store.commit_blocking([make_record() for _ in range(5)])
        made = store.checkpoint()
        assert made is not None
        anchor.write(file, key, made)
    return key, file


def test_checkpoints_hold_on_an_untouched_store(store: Store, anchored: tuple[AnchorKey, Path]) -> None:
    key, file = anchored
    checkpoints = anchor.read(file, key, store.identity)
    assert [made.position for made in checkpoints] == [6, 11]
    assert store.verify(checkpoints).problems == ()
    assert file.stat().st_mode & 0o777 == 0o600


def test_truncation_is_seen_against_a_checkpoint_only(
    store: Store, path: Path, anchored: tuple[AnchorKey, Path]
) -> None:
    key, file = anchored
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM record WHERE position > 8")
    assert store.verify().problems == ()
    problems = store.verify(anchor.read(file, key, store.identity)).problems
    assert [(problem.code, problem.position) for problem in problems] == [("truncated", 11)]


def test_lines_that_were_changed_are_refused(store: Store, anchored: tuple[AnchorKey, Path]) -> None:
    key, file = anchored
    line = file.read_bytes().splitlines()[0]
    bad = {
        line.replace(b'"position":6', b'"position":7'): "not made with this key",
        line.replace(b'"v":1', b'"v":2'): "version 2",
        line.replace(b'"mac":"', b'"mac":"0'): "not made with this key",
        line.replace(b'"v":1', b'"v":1,"v":1'): "not a checkpoint",
        line.replace(b'"v":1', b'"v":1,"x":1'): "not a checkpoint",
        b"": "not a checkpoint",
        b"\xff": "not a checkpoint",
    }
    for text, message in bad.items():
        file.write_bytes(line + b"\n" + text + b"\n")
        with pytest.raises(AnchorError, match=f"line 2 .*{message}"):
            anchor.read(file, key, store.identity)


def test_a_checkpoint_counts_for_its_own_database_and_key(
    store: Store, tmp_path: Path, anchored: tuple[AnchorKey, Path]
) -> None:
    key, file = anchored
    with pytest.raises(AnchorError, match="another database"):
        anchor.read(file, key, "0" * 32)
    with pytest.raises(AnchorError, match="not made with this key"):
        anchor.read(file, AnchorKey.make(tmp_path / "other.key"), store.identity)
    with pytest.raises(AnchorError, match="cannot be read"):
        anchor.read(tmp_path / "none", key, store.identity)


def test_key_files_are_made_once_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "anchor.key"
    key = AnchorKey.make(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert AnchorKey.read(file) == key
    assert key.secret.hex() not in repr(key)
    with pytest.raises(AnchorError, match="cannot be made"):
        AnchorKey.make(file)
    for text in ("", "00" * 31, "not hexadecimal", "\u00e9"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(AnchorError):
            AnchorKey.read(file)


def test_an_empty_store_has_no_checkpoint(path: Path) -> None:
    assert Store.open(path).checkpoint() is None
