"""The tables of ../../../schema.py, and what replicas need beside them.

writer  one row for each incarnation: its number gives the range of positions of its chain
remembered_end  one row: the version of what was remembered last, and by whom; its lock orders what replicas remember
change  a counter for each table that replicas follow, moved by a trigger

Text that is compared or sorted has the collation "C", so that ids and times sort as their bytes do, as on SQLite.
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_T = 'TEXT COLLATE "C"'

_TABLES = (
    f"CREATE TABLE store (one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one), identity {_T} NOT NULL, lot BYTEA NOT NULL,"
    " state_key BYTEA NOT NULL)",
    f"CREATE TABLE writer (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, incarnation {_T} NOT NULL UNIQUE,"
    f" opened_at {_T} NOT NULL)",
    f"CREATE TABLE record (position BIGINT PRIMARY KEY, id {_T} NOT NULL, body BYTEA NOT NULL, link BYTEA NOT NULL,"
    " writer BIGINT GENERATED ALWAYS AS (position >> 28) STORED)",
    "CREATE UNIQUE INDEX record_id ON record (id)",
    "CREATE TABLE payload (position BIGINT PRIMARY KEY, written_on BIGINT NOT NULL, salt BYTEA NOT NULL,"
    " arguments BYTEA NOT NULL, released BYTEA, context BYTEA, audit DOUBLE PRECISION)",
    "CREATE INDEX payload_written ON payload (written_on)",
    "CREATE INDEX payload_audit ON payload (position) WHERE audit IS NOT NULL",
    "CREATE INDEX payload_context ON payload (position) WHERE context IS NOT NULL",
    f"CREATE TABLE api_key (id {_T} PRIMARY KEY, digest BYTEA NOT NULL UNIQUE, tenant {_T} NOT NULL,"
    f' agent {_T} NOT NULL, "user" {_T}, roles {_T} NOT NULL, scopes {_T} NOT NULL, speaks_for_user BIGINT NOT NULL,'
    f" label {_T} NOT NULL, made_at {_T} NOT NULL, revoked_at {_T})",
    f"CREATE TABLE run (id {_T} PRIMARY KEY, principal_key {_T} NOT NULL, made_at {_T} NOT NULL)",
    f"CREATE TABLE remembered (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind {_T} NOT NULL,"
    f" owner {_T} NOT NULL, principal BYTEA NOT NULL, body BYTEA NOT NULL, version BIGINT NOT NULL,"
    f" replica {_T} NOT NULL)",
    "CREATE INDEX remembered_version ON remembered (version)",
    "CREATE INDEX remembered_owner ON remembered (owner)",
    f"CREATE TABLE remembered_end (version BIGINT NOT NULL, replica {_T} NOT NULL)",
    "INSERT INTO remembered_end VALUES (0, '')",
    f"CREATE TABLE approval (id {_T} PRIMARY KEY, tenant {_T} NOT NULL, principal_key {_T} NOT NULL, agent {_T},"
    f' "user" {_T}, run {_T} NOT NULL, decision {_T} NOT NULL, door {_T} NOT NULL, server {_T}, tool {_T} NOT NULL,'
    f" arguments {_T} NOT NULL, digest {_T} NOT NULL, policy_hash {_T} NOT NULL, rule {_T}, prompt {_T},"
    f" by_roles {_T} NOT NULL, uses BIGINT NOT NULL CHECK (uses > 0), valid_seconds BIGINT NOT NULL,"
    f" state {_T} NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used', 'expired')),"
    f" asked_at {_T} NOT NULL, expires_at {_T} NOT NULL, decided_by {_T}, decided_at {_T}, because {_T}, sealed BYTEA)",
    "CREATE UNIQUE INDEX approval_pending ON approval (run, digest, policy_hash) WHERE state = 'pending'",
    "CREATE INDEX approval_run ON approval (run)",
    "CREATE INDEX approval_tenant ON approval (tenant, id)",
    "CREATE INDEX approval_principal ON approval (principal_key, asked_at)",
    "CREATE INDEX approval_over ON approval (expires_at)",
    "CREATE INDEX approval_decision ON approval (decision)",
    f"CREATE TABLE approval_use (approval {_T} NOT NULL, ordinal BIGINT NOT NULL, decision {_T} NOT NULL,"
    f" used_at {_T} NOT NULL, PRIMARY KEY (approval, ordinal))",
    f"CREATE TABLE change (what {_T} PRIMARY KEY, version BIGINT NOT NULL DEFAULT 0)",
    "INSERT INTO change (what) VALUES ('api_key')",
    "CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " UPDATE leastward.change SET version = version + 1 WHERE what = TG_TABLE_NAME; RETURN NULL; END $$",
    "CREATE TRIGGER api_key_changed AFTER INSERT OR UPDATE OR DELETE ON api_key"
    " FOR EACH STATEMENT EXECUTE FUNCTION changed()",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(sa.text(statement))
    op.execute(
        sa.text("INSERT INTO store (identity, lot, state_key) VALUES (:identity, :lot, :key)").bindparams(
            identity=os.urandom(16).hex(), lot=os.urandom(32), key=os.urandom(32)
        )
    )
