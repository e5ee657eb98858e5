"""Who reports what: a crowd of honest but mistaken users, auditors, and whoever pretends to be many.

- user: 20 of them in 4 units. A failure is reported with probability `rate`; a right decision is commented on with a
  fifth of that, as "right" (knowledge/memory 4.1 does the same): that is where a flip claims a failure that was none
- flip: the label of a user's report is turned round with probability `flips`; with `only_allow` only from forbid to
  allow, which is what people who want to get on with their work do
- audit: of all decisions, `audit` are drawn and labelled rightly by an auditor
- sybil: one of `sybils` new identities, spread over the units, all of which report every decision of one cell as to be
  allowed. The cell is the one in which the base rightly forbids most of the traffic

All chance is drawn before the stream begins, from the stream's seed: every method meets the same crowd, and what is
different is only which of its decisions fail. A decision takes `STEP`, so that 100 of them are a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from memory import Effect, Label, Observed, Reported, Reporter

from .item import Item, Stream, is_right
from .streams import opposite

TENANT = "eval"
POLICY = "eval-policy"
STEP = 86_400_000_000 // 100
"""Microseconds from one decision to the next."""
BEGIN = 1_750_000_000_000_000
"""Microseconds since 1970 of the first decision: some day in 2025."""
CONFIRMED = 0.2
"""How often a right decision is commented on, as a share of how often a failure is."""

USERS = tuple(
    Reporter(f"user-{number:02}", TENANT, "user", f"user/{number:02}", f"unit-{number % 4}") for number in range(20)
)
AUDITOR = Reporter("auditor", TENANT, "audit", "user/auditor", "audit")


@dataclass(frozen=True, slots=True)
class Crowd:
    """One cell of the grid: how much is reported, and how much of that is false. Rates are probabilities."""

    rate: float = 0.1
    audit: float = 0.02
    flips: float = 0.0
    only_allow: bool = False
    sybils: int = 0

    @property
    def name(self) -> str:
        kind = "asymmetric " if self.only_allow else ""
        sybils = f", {self.sybils} sybils" if self.sybils else ""
        return f"rate {self.rate:g}, audit {self.audit:g}, {kind}flips {self.flips:g}{sybils}"


@dataclass(frozen=True, slots=True)
class _Chance:
    """What chance has in store for one decision."""

    reported: float
    flipped: float
    audited: float
    user: Reporter


class Reporting:
    """What is said of each decision of one stream by one crowd."""

    def __init__(self, stream: Stream, crowd: Crowd) -> None:
        self.crowd = crowd
        random = Random(f"crowd {stream.name} {stream.seed}")
        self._chances = [
            _Chance(random.random(), random.random(), random.random(), random.choice(USERS)) for _ in stream.traffic
        ]
        self.target = target_cell(stream) if crowd.sybils else None
        """The cell that sybils push, None without sybils or where the base rightly forbids nothing."""
        self._sybils = tuple(
            Reporter(f"sybil-{number:02}", TENANT, "user", f"sybil/{number:02}", f"unit-{number % 4}")
            for number in range(crowd.sybils)
        )

    def on(self, place: int, item: Item, truth: Label, effect: Effect) -> Iterator[Reported]:
        """The reports on the decision at `place` of the traffic, the auditor's last."""
        chance, crowd = self._chances[place], self.crowd
        rate = crowd.rate * (1.0 if not is_right(effect, truth) else CONFIRMED)
        audited = chance.audited < crowd.audit
        observed = Observed(
            id=item.id,
            tenant=TENANT,
            at=BEGIN + place * STEP,
            principal="agent/eval",
            context=item.context,
            base=item.base,
            effect=effect,
            policy_hash=POLICY,
            audited=crowd.audit if audited else None,
        )
        if chance.reported < rate:
            flips = chance.flipped < crowd.flips and (truth == "forbid" or not crowd.only_allow)
            yield _reported(observed, chance.user, opposite(truth) if flips else truth, 1)
        if self.target is not None and item.cell == self.target:
            for number, sybil in enumerate(self._sybils):
                yield _reported(observed, sybil, "allow", 2 + number)
        if audited:
            yield _reported(observed, AUDITOR, truth, 2 + len(self._sybils))


def target_cell(stream: Stream) -> str | None:
    """The cell in which the base rightly forbids most of the traffic; None if it rightly forbids nothing."""
    cells = Counter(item.cell for item in stream.traffic if item.base == "forbid" and item.truth == "forbid")
    return min(cells, key=lambda cell: (-cells[cell], cell), default=None)


def moment(place: int) -> int:
    """When the decision at that place of the traffic falls, in microseconds since 1970."""
    return BEGIN + place * STEP


def _reported(observed: Observed, reporter: Reporter, label: Label, delay: int) -> Reported:
    return Reported(observed.at + delay, observed, reporter, label, key=f"{observed.id}/{reporter.id}")
