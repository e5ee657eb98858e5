"""`make bench`: decisions, sessions, checks, memory, records, the gate, MCP and waiting, one by one, with peers."""

from __future__ import annotations

import sys

from . import (
    check,
    decide,
    gate,
    mcp,
    memory_decide,
    memory_encoders,
    memory_ingest,
    memory_reports,
    records,
    session,
    waiting,
)

if __name__ == "__main__":
    memory = (memory_decide, memory_encoders, memory_ingest, memory_reports)
    parts = (decide, session, check, *memory, records, gate, mcp, waiting)
    sys.exit(max(part.main([]) for part in parts))
