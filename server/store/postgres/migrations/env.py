"""What alembic runs: the migrations, in the transaction of the connection that schema.py hands over."""

from __future__ import annotations

from alembic import context

from server.store.postgres.schema import SCHEMA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], version_table=VERSION_TABLE, version_table_schema=SCHEMA
)
with context.begin_transaction():
    context.run_migrations()
