"""Which of the abstractions that speak is heard: the most specific, and none where equals contradict each other."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import Abstraction, Label


def heard(speaking: Sequence[Abstraction]) -> tuple[Label, list[Abstraction]] | None:
    """The label that counts and the abstractions that say it, or None where memory has to leave the call as it is.

    An abstraction is overruled by one whose condition implies its own and is not equal to it: that one knows this kind
    of call better. Of those that are left, equal conditions with opposite labels count as forbid, which narrows; but
    two that overlap only here, with opposite labels, are a conflict, and a conflict decides nothing.
    """
    foremost = [
        one
        for one in speaking
        if not any(other.condition != one.condition and other.condition.implies(one.condition) for other in speaking)
    ]
    allowing = [one for one in foremost if one.label == "allow"]
    forbidding = [one for one in foremost if one.label == "forbid"]
    if any(one.condition != other.condition for one in allowing for other in forbidding):
        return None
    if forbidding:
        return "forbid", forbidding
    return ("allow", allowing) if allowing else None
