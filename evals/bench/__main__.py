"""`make bench`: decisions, sessions, checks, records and the gate, one after the other, with peers in the same run."""

from __future__ import annotations

import sys

from . import check, decide, gate, records, session

if __name__ == "__main__":
    sys.exit(max(part.main([]) for part in (decide, session, check, records, gate)))
