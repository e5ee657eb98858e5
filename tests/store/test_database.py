"""server/store/database.py: modes of files, settings of connections, the writer's lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.store import Store, StoreLocked
from server.store.database import Database, reason


def test_every_file_is_the_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        path.touch(0o666)
        with Store.open(path):
            modes = {name.name: name.stat().st_mode & 0o777 for name in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["records.db", "records.db-wal", "records.db-shm", "records.db.lock"], 0o600)


def test_connections_sync_every_commit(path: Path) -> None:
    Store.open(path)
    with Database(path).connection() as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "secure_delete", "trusted_schema")
        }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "wal_autocheckpoint": 0,
        "secure_delete": 1,
        "trusted_schema": 0,
    }


@pytest.mark.usefixtures("store")
def test_one_process_writes(path: Path) -> None:
    program = "import sys; from server.store import Store; Store.open(sys.argv[1]).start()"
    other = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
    assert other.returncode != 0
    assert "StoreLocked" in other.stderr


def test_the_lock_is_free_again_after_close(path: Path) -> None:
    first, second = Store.open(path), Store.open(path)
    first.start()
    with pytest.raises(StoreLocked):
        second.start()
    first.close()
    third = Store.open(path)
    third.start()
    third.close()


def test_reasons_are_one_plain_line() -> None:
    assert reason(OSError(28, "No space left on device", "/secret/path")) == (
        "the database failed: no space left on device"
    )
    assert reason(ValueError()) == "the database failed"
