"""Which encoder measured an abstraction's radius; empty, which is no encoder's id, for what was measured before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("memory_abstraction", sa.Column("encoder", sa.Text(), server_default="", nullable=False))
