"""The store on PostgreSQL, shared by any number of replicas of the gate.

Postgres   a database by its URL, and short connections to it (database.py)
replica    one process that serves; each writes a chain of its own, so that none waits for another's place in it
writer     the row of table `writer` that gives an incarnation its number, and with it its range of positions
lease      the time after the last answer of the database in which a replica goes on to serve
queue      in which replicas that write what sessions remember wait for each other's turn; it decides nothing
watch      what ends a connection on which an answer does not come within the lease (watch.py)
notice     what tells the other replicas at once that they should look (notices.py); they look every half second anyway

Flow: Store -> writer's thread -> PostgresLedger: one transaction for all that wait, synchronous_commit on -> release.
Files: ledger.py writes; remembering.py keeps what Sessions remember in one order;
session.py makes psycopg's connections look like sqlite3's; schema.py and migrations/ make the
tables in a schema of their own, `leastward`. docs/replicas.md is for who runs it.
"""

from __future__ import annotations

from .database import Postgres

__all__ = ["Postgres"]
