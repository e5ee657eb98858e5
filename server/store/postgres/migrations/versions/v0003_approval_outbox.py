"""The outbox of approvals: which asks people still have to be told of (../../../outbox.py)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_T = 'TEXT COLLATE "C"'

_TABLES = (
    f"CREATE TABLE approval_outbox (approval {_T} PRIMARY KEY, attempts INTEGER NOT NULL, due_at {_T} NOT NULL)",
    "CREATE INDEX approval_outbox_due ON approval_outbox (due_at)",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(sa.text(statement))
