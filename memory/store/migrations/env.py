"""What alembic runs: the migrations, in the transaction of the connection that schema.py hands over."""

from __future__ import annotations

from alembic import context

from memory.store.schema import VERSION_TABLE
from memory.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
