"""Alembic's migrations of memory's tables. `schema.upgrade` runs them; a new revision also becomes `schema.HEAD`."""
