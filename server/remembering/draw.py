"""Which decisions are drawn for a person to look at, with which probability.

The draw is a function of the decision's id and of a secret of the database, so it can be repeated and proven, and
neither an agent nor a reporter can tell beforehand which decisions will be looked at (memory.md 2.4: evidence that
people choose to send is no sample; what is drawn with a known probability is one).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_DOMAIN = b"leastward audit draw v1\0"


@dataclass(frozen=True, slots=True)
class Draw:
    """`fired` is the share of decisions on which something learned fits, `other` that of the rest."""

    lot: bytes
    fired: float
    other: float

    def of(self, decision_id: str, *, fired: bool) -> float | None:
        """The probability with which this decision was drawn, None where it was not."""
        share = self.fired if fired else self.other
        digest = hashlib.sha256(_DOMAIN + self.lot + decision_id.encode()).digest()
        return share if int.from_bytes(digest[:8], "big") < share * 2.0**64 else None
