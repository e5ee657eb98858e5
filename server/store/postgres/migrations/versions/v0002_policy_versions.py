"""Policy versions: signed bundles, and each time that one was put in force (../../../versions.py).

The counter of `policy_activation` in `change` moves with each activation, as that of the keys does.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_T = 'TEXT COLLATE "C"'

_TABLES = (
    f"CREATE TABLE policy_version (number BIGINT PRIMARY KEY, digest {_T} NOT NULL UNIQUE, serial BIGINT NOT NULL,"
    f" policy_hash {_T} NOT NULL, signed_by {_T} NOT NULL, author {_T} NOT NULL, published_at {_T} NOT NULL,"
    f" because {_T} NOT NULL, bundle BYTEA NOT NULL)",
    "CREATE TABLE policy_activation (ordinal BIGINT PRIMARY KEY, version BIGINT NOT NULL, instead_of BIGINT NOT NULL,"
    f" manner {_T} NOT NULL CHECK (manner IN ('activate', 'rollback')), author {_T} NOT NULL, made_at {_T} NOT NULL,"
    f" because {_T} NOT NULL, record {_T} NOT NULL)",
    "INSERT INTO change (what) VALUES ('policy_activation')",
    "CREATE TRIGGER policy_activation_changed AFTER INSERT ON policy_activation"
    " FOR EACH STATEMENT EXECUTE FUNCTION changed()",
)


def upgrade() -> None:
    for statement in _TABLES:
        op.execute(sa.text(statement))
