"""The tables of the database, as an ordered list of migrations. `PRAGMA user_version` says how many of them a file has.

record   the chain (docs/records.md); `body` is the hashed text, the other columns are looked up by
payload  what may be erased: salt and redacted arguments of the record at the same position, those that a rewrite made,
         and the day (since 1970); with memory on, what the decision was made in, and the probability of the draw for
         audit where it was drawn
api_key  keys by the SHA-256 of their secret
run      run ids that were minted, and for whom
remembered  what sessions and the owners of counters remember, in the order in which it is to be read back
store    one row: the random identity of this database, the secret (`lot`) by which decisions are drawn for audit, and
         the key (`state_key`) under which approvals leave it and come back
approval      calls that wait, or waited, for a person (approvals.py); pending once for a call of a run under a policy
approval_use  which release used which yes: its primary key is what makes a yes good for `uses` releases and no more
approval_outbox  which asks people still have to be told of (outbox.py)
policy_version  signed bundles (versions.py); policy_activation: which was put in force when, the last row is
"""

from __future__ import annotations

import sqlite3
from typing import Final

from .errors import SchemaError

APPLICATION_ID: Final = 0x6C777264
"""`lwrd` in the file's header (`PRAGMA application_id`), so that another program's file is not taken for ours."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "CREATE TABLE store (identity TEXT NOT NULL) STRICT",
        "INSERT INTO store VALUES (lower(hex(randomblob(16))))",
        "CREATE TABLE record (position INTEGER PRIMARY KEY, id TEXT NOT NULL, body BLOB NOT NULL, link BLOB NOT NULL)"
        " STRICT",
        "CREATE UNIQUE INDEX record_id ON record (id)",
        "CREATE TABLE payload (position INTEGER PRIMARY KEY, written_on INTEGER NOT NULL, salt BLOB NOT NULL,"
        " arguments BLOB NOT NULL) STRICT",
        "CREATE TABLE api_key (id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, tenant TEXT NOT NULL,"
        " agent TEXT NOT NULL, user TEXT, roles TEXT NOT NULL, scopes TEXT NOT NULL, speaks_for_user INTEGER NOT NULL,"
        " label TEXT NOT NULL, made_at TEXT NOT NULL, revoked_at TEXT) STRICT",
        "CREATE TABLE run (id TEXT PRIMARY KEY, principal_key TEXT NOT NULL, made_at TEXT NOT NULL) STRICT",
    ),
    (
        "ALTER TABLE payload ADD COLUMN released BLOB",
        "CREATE TABLE remembered (position INTEGER PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL,"
        " principal BLOB NOT NULL, body BLOB NOT NULL) STRICT",
    ),
    (
        "ALTER TABLE store ADD COLUMN lot BLOB",
        "UPDATE store SET lot = randomblob(32)",
        "ALTER TABLE payload ADD COLUMN context BLOB",
        "ALTER TABLE payload ADD COLUMN audit REAL",
        "CREATE INDEX payload_audit ON payload (position) WHERE audit IS NOT NULL",
        "CREATE INDEX payload_context ON payload (position) WHERE context IS NOT NULL",
    ),
    (
        "ALTER TABLE store ADD COLUMN state_key BLOB",
        "UPDATE store SET state_key = randomblob(32)",
        "CREATE TABLE approval (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, principal_key TEXT NOT NULL, agent TEXT,"
        " user TEXT, run TEXT NOT NULL, decision TEXT NOT NULL, door TEXT NOT NULL, server TEXT, tool TEXT NOT NULL,"
        " arguments TEXT NOT NULL, digest TEXT NOT NULL, policy_hash TEXT NOT NULL, rule TEXT, prompt TEXT,"
        " by_roles TEXT NOT NULL, uses INTEGER NOT NULL CHECK (uses > 0), valid_seconds INTEGER NOT NULL,"
        " state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used', 'expired')),"
        " asked_at TEXT NOT NULL, expires_at TEXT NOT NULL, decided_by TEXT, decided_at TEXT, because TEXT,"
        " sealed BLOB) STRICT",
        "CREATE UNIQUE INDEX approval_pending ON approval (run, digest, policy_hash) WHERE state = 'pending'",
        "CREATE INDEX approval_run ON approval (run)",
        "CREATE INDEX approval_tenant ON approval (tenant, id)",
        "CREATE INDEX approval_principal ON approval (principal_key, asked_at)",
        "CREATE INDEX approval_over ON approval (expires_at)",
        "CREATE INDEX approval_decision ON approval (decision)",
        "CREATE TABLE approval_use (approval TEXT NOT NULL, ordinal INTEGER NOT NULL, decision TEXT NOT NULL,"
        " used_at TEXT NOT NULL, PRIMARY KEY (approval, ordinal)) STRICT",
    ),
    (
        "CREATE TABLE policy_version (number INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, serial INTEGER NOT NULL,"
        " policy_hash TEXT NOT NULL, signed_by TEXT NOT NULL, author TEXT NOT NULL, published_at TEXT NOT NULL,"
        " because TEXT NOT NULL, bundle BLOB NOT NULL) STRICT",
        "CREATE TABLE policy_activation (ordinal INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
        " instead_of INTEGER NOT NULL, manner TEXT NOT NULL CHECK (manner IN ('activate', 'rollback')),"
        " author TEXT NOT NULL, made_at TEXT NOT NULL, because TEXT NOT NULL, record TEXT NOT NULL) STRICT",
    ),
    (
        "CREATE TABLE approval_outbox (approval TEXT PRIMARY KEY, attempts INTEGER NOT NULL, due_at TEXT NOT NULL)"
        " STRICT",
        "CREATE INDEX approval_outbox_due ON approval_outbox (due_at)",
    ),
    (
        "CREATE TABLE mcp_pin (server TEXT NOT NULL, tool TEXT NOT NULL, accepted BLOB, shown BLOB,"
        " PRIMARY KEY (server, tool)) STRICT",
        "CREATE TABLE mcp_pin_turn (turn INTEGER NOT NULL) STRICT",
        "INSERT INTO mcp_pin_turn VALUES (0)",
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema, each step in a transaction of its own. Raises SchemaError, sqlite3.Error."""
    version = _version(connection)
    while version < len(MIGRATIONS):
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = _version(connection)  # another process may have come first
            if version < len(MIGRATIONS):
                for statement in MIGRATIONS[version]:
                    connection.execute(statement)
                version += 1
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if version > len(MIGRATIONS) and application == APPLICATION_ID:
        raise SchemaError(f"the database has schema {version}, this version knows {len(MIGRATIONS)}")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and (tables or version):
        raise SchemaError("the file is another program's database")
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
