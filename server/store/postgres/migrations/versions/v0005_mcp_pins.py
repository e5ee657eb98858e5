"""The pins of MCP servers' tools (../../../pins.py), and a notice where they change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_T = 'TEXT COLLATE "C"'

_TABLES = (
    f"CREATE TABLE mcp_pin (server {_T} NOT NULL, tool {_T} NOT NULL, accepted BYTEA, shown BYTEA,"
    " PRIMARY KEY (server, tool))",
    "CREATE TABLE mcp_pin_turn (turn BIGINT NOT NULL)",
    "INSERT INTO mcp_pin_turn VALUES (0)",
    "CREATE TRIGGER mcp_pin_changed AFTER INSERT OR UPDATE OR DELETE ON mcp_pin"
    " FOR EACH STATEMENT EXECUTE FUNCTION changed()",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(sa.text(statement))
