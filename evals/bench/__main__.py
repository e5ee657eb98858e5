"""`make bench`: decisions, records and the gate, one after the other, each with its peers in the same run."""

from __future__ import annotations

import sys

from . import decide, gate, records, session

if __name__ == "__main__":
    sys.exit(max(part.main([]) for part in (decide, session, records, gate)))
