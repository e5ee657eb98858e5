"""When up to a share of the reports is chosen by an attacker: two ways that stay valid, both paid for in power.

Raise the threshold: a piece is right with probability at most (1 - share) p + share <= p + share, given the past.

Drop the most favourable: without the ceil(share n) right pieces of the greatest weight E is, at every q and so in the
mean, at most what it is without whichever ceil(share n) pieces the attacker chose, because a right piece's factor is at
least 1 and grows with its weight and a wrong piece's is at most 1. That covers attackers who know all labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def contaminated_threshold(threshold: float, share: float) -> float:
    """What to test instead of `threshold`. ValueError where nothing is left to test: no evidence opens such a gate."""
    if not 0.0 <= share < 1.0 - threshold:
        raise ValueError(f"no bound above `{threshold}` can be had with `{share}` of the reports chosen by an attacker")
    return threshold + share


def without_most_favourable(rights: Mapping[float, int], wrongs: Mapping[float, int], share: float) -> dict[float, int]:
    """`rights` (weight -> how many) without the greatest weights of as many pieces as the attacker may have chosen."""
    left = math.ceil(share * (sum(rights.values()) + sum(wrongs.values())))
    kept: dict[float, int] = {}
    for weight in sorted(rights, reverse=True):
        dropped = min(left, rights[weight])
        left -= dropped
        if rights[weight] > dropped:
            kept[weight] = rights[weight] - dropped
    return kept
