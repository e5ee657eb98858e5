"""Dividing items into traffic, held-out and uncovered, and drawing the traffic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from memory import Label

from ..item import Item, Stream

TRAFFIC_SHARE = 0.6
PASSES_REWORDED, PASSES_ALIKE = 24, 8
"""The most times that one item comes by in the traffic, in other words each time and in the same words: work repeats
itself, but a memory must not live on verbatim repetition."""

Reword = Callable[[Item, int], Item]
"""The same item in the words of another pass."""


def divide(
    name: str,
    seed: int,
    items: Sequence[Item],
    uncovered: frozenset[str],
    decisions: int,
    later: Mapping[str, Label] | None = None,
    reword: Reword | None = None,
) -> Stream:
    """Items of `uncovered` blocks go to the uncovered set. Of the groups in each other block, a seeded 60% are traffic
    and the rest is held out; a block with one group is traffic. The traffic is the pool in seeded order, again and
    again (a bounded number of times) until there are `decisions`.
    """
    random = Random(f"split {name} {seed}")
    open_items = [item for item in items if item.block not in uncovered]
    blocks: dict[str, dict[str, None]] = defaultdict(dict)
    placed: set[str] = set()
    for item in open_items:
        if item.group not in placed:
            # A group whose twins stand in two blocks belongs to the block of its first item.
            placed.add(item.group)
            blocks[item.block][item.group] = None
    of_traffic: set[str] = set()
    for block in sorted(blocks):
        groups = sorted(blocks[block])
        random.shuffle(groups)
        of_traffic.update(groups[: max(1, round(TRAFFIC_SHARE * len(groups)))])
    pool = [item for item in open_items if item.group in of_traffic]
    straddling = {item.group for item in open_items}
    beyond = [item for item in items if item.block in uncovered and item.group not in straddling]
    traffic: list[Item] = []
    for turn in range(PASSES_ALIKE if reword is None else PASSES_REWORDED):
        order = list(pool)
        random.shuffle(order)
        for item in order[: decisions - len(traffic)]:
            worded = item if reword is None else reword(item, turn)
            traffic.append(replace(worded, id=f"{item.id}#{turn}"))
    seen = {item.block for item in traffic}
    held_out = [item for item in open_items if item.group not in of_traffic and item.block in seen]
    changed = dict(later or {})
    changed |= {item.id: changed[item.id.rsplit("#", 1)[0]] for item in traffic if item.id.rsplit("#", 1)[0] in changed}
    return Stream(name, seed, tuple(traffic), tuple(held_out), tuple(beyond), changed)


def draw(random: Random, names: Sequence[str], count: int) -> frozenset[str]:
    """`count` of the names, by seed; of fewer names all but one."""
    return frozenset(random.sample(sorted(names), min(count, len(names) - 1)))
