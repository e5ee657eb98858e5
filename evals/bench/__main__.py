"""`make bench`: decisions, sessions, checks, encoders, reports, records, the gate, MCP, one by one, with peers."""

from __future__ import annotations

import sys

from . import check, decide, gate, mcp, memory_decide, memory_encoders, memory_ingest, memory_reports, records, session

if __name__ == "__main__":
    parts = (decide, session, check, memory_decide, memory_encoders, memory_ingest, memory_reports, records, gate, mcp)
    sys.exit(max(part.main([]) for part in parts))
