"""Notices on the channel `leastward` (../../notices.py): the name of a table that replicas follow, and for an approval
that a person answered its id. PostgreSQL delivers a notice at the commit of what it is about, and each text once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_FUNCTIONS = (
    "CREATE OR REPLACE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " UPDATE leastward.change SET version = version + 1 WHERE what = TG_TABLE_NAME;"
    " PERFORM pg_notify('leastward', TG_TABLE_NAME); RETURN NULL; END $$",
    "CREATE FUNCTION answered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " PERFORM pg_notify('leastward', 'approval ' || NEW.id); RETURN NULL; END $$",
    # Not for each use of a yes: a commit with a notice takes a lock that all such commits of the server share.
    "CREATE TRIGGER approval_answered AFTER UPDATE OF state ON approval FOR EACH ROW"
    " WHEN (OLD.state = 'pending' AND NEW.state IN ('approved', 'denied')) EXECUTE FUNCTION answered()",
)


def upgrade() -> None:
    for statement in _FUNCTIONS:
        op.execute(sa.text(statement))
