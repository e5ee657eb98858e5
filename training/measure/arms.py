"""Which cases are asked, and in which view.

`identifier` is the claim itself: the policy is not in the prompt. `document` and `rule` are what it competes with, the
policy in context and the nearest sentences of it in context (retrieval). `none` shows what the question alone gives
away. `override`, `substitution` and `referral` ask what training did not (training/cases/probes.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..example import Data, DataError, Example
from ..prompting import View


@dataclass(frozen=True, slots=True)
class Arm:
    """`cases` names the test set or a probe of the data."""

    name: str
    cases: str
    view: View
    says: str


ARMS: Final[tuple[Arm, ...]] = (
    Arm("identifier", "test", "identifier", "the identifier alone"),
    Arm("document", "test", "document", "the policy in context"),
    Arm("rule", "test", "rule", "the two nearest sentences in context"),
    Arm("none", "test", "none", "no policy"),
    Arm("unseen", "unseen", "identifier", "paths that no training case took"),
    Arm("override", "override", "identifier", "one rule changed in the prompt"),
    Arm("substitution", "substitution", "document", "another version in context"),
    Arm("referral", "referral", "identifier", "which rule says this?"),
)


def cases_of(arm: Arm, data: Data, most: int | None = None) -> list[Example]:
    """The cases of an arm, the first `most` of them; none where the data has no such set."""
    found: Sequence[Example] = data.test if arm.cases == "test" else data.probes.get(arm.cases, [])
    return list(found[:most])


def named(names: Sequence[str]) -> list[Arm]:
    """The arms of these names, in the order of ARMS. DataError for a name that is none."""
    unknown = sorted(set(names) - {arm.name for arm in ARMS})
    if unknown:
        raise DataError(f"`{unknown[0]}` is no arm; there are {', '.join(arm.name for arm in ARMS)}")
    return [arm for arm in ARMS if arm.name in names]
