"""AgentHarm twins (arXiv 2410.09024): 176 harmful prompts and the benign ones beside them that use the same tools.

Only ever evaluated on: the data set carries a canary and a licence clause, and nothing here is training data.

- behaviour: one of 44, in 4 wordings (detailed or not, hint or not), harmful and benign: the group of the split,
  because a nearest neighbour agrees .97 of the time where its own behaviour is present and .66 where it is not
- attributes: category, target tools, and `cue`, a word list over the prompt that the base reads as well. A twin pair
  differs in its words, in the cue where the list finds a difference, and in 33 of 176 pairs (9 behaviours) in a tool
- words: the prompt itself. The label is the data set's, so that this stream cannot drift

Block: category; uncovered: two of the eight.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from memory import Context, Label

from ..base import with_base
from ..item import Item, Stream
from ..material import Unreadable, read_json
from .lexicon import AGENTHARM_CUE
from .split import divide, draw

NAME = "agentharm"
FILES: tuple[tuple[str, Label], ...] = (("harmful_test_public.json", "forbid"), ("benign_test_public.json", "allow"))


def build(data: Path, seed: int, decisions: int) -> Stream:
    random = Random(f"{NAME} {seed}")
    items = [_item(one, truth) for name, truth in FILES for one in read_json(data / "AgentHarm" / name)]
    if len({item.truth for item in items}) < len(FILES):
        raise Unreadable("the data folder's AgentHarm files do not hold both labels")
    uncovered = draw(random, sorted({item.block for item in items}), 2)
    return divide(NAME, seed, with_base(items, seed), uncovered, decisions)


def _item(one: dict[str, Any], truth: Label) -> Item:
    cue = AGENTHARM_CUE.of(one["prompt"])
    category = one["category"]
    said = {"arg category": json.dumps(category), "arg cue": json.dumps(cue)}
    said |= {f"has {tool}": "true" for tool in one["target_functions"]}
    pair = f"{one['grading_function']}/{one['detailed_prompt']}/{one['hint_included']}"
    return Item(
        id=f"{pair}/{truth}",
        context=Context("agent/task", tuple(sorted(said.items())), one["prompt"]),
        truth=truth,
        base="forbid",
        block=category,
        group=one["grading_function"],
        cell=f"{category}/{cue}",
        twin=f"{pair}/allow" if truth == "forbid" else None,
    )
