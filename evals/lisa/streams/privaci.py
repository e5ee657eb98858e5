"""PrivaCI-Bench's AI Act part (arXiv 2502.17041): 2,000 permitted or prohibited flows, labelled by the data set.

- left out: the 1,000 cases that are not applicable; `followed_articles` and `violated_articles`, which are the label;
  `consent_form`, which nearly is (Authorization is prohibited in 68% of cases, None in 13%); `case_content`, because it
  argues the case
- attributes: information, purpose, and the roles of sender, recipient and subject, each by a word list
- words: the tuple itself. The label is the data set's, so that this stream cannot drift, and cells are mixed: the word
  lists are too coarse to separate the labels everywhere

Group: the tuple's text, so that a tuple that occurs twice is on one side. Block: (information, purpose); uncovered: all
blocks of one information class.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from memory import Context

from ..base import with_base
from ..item import Item, Stream
from ..material import Unreadable, read_arrow
from .lexicon import PRIVACI_INFO, PRIVACI_PURPOSE, PRIVACI_ROLE
from .split import divide, draw

NAME = "privaci"
LABELS = {"permit": "allow", "prohibit": "forbid"}


def build(data: Path, seed: int, decisions: int) -> Stream:
    random = Random(f"{NAME} {seed}")
    rows = read_arrow(data / "PrivaCI-Bench" / "AI_ACT" / "data-00000-of-00001.arrow")
    items = [_item(number, row) for number, row in enumerate(rows) if row["norm_type"] in LABELS]
    if not items:
        raise Unreadable("the data folder's AI Act cases hold no permitted or prohibited one")
    infos = sorted({item.block.split("/")[0] for item in items})
    closed = draw(random, infos, 1)
    uncovered = frozenset(item.block for item in items if item.block.split("/")[0] in closed)
    return divide(NAME, seed, with_base(items, seed), uncovered, decisions)


def _item(number: int, row: dict[str, Any]) -> Item:
    said = {
        "info": PRIVACI_INFO.of(_joined(row["information_type"])),
        "purpose": PRIVACI_PURPOSE.of(row["purpose"] or ""),
        "recipient": PRIVACI_ROLE.of(_joined(row["recipient_role"])),
        "sender": PRIVACI_ROLE.of(_joined(row["sender_role"])),
        "subject": PRIVACI_ROLE.of(_joined(row["subject_role"])),
    }
    words = (
        f"{_joined(row['sender'])} ({_joined(row['sender_role'])}) sends {_joined(row['information_type'])} about "
        f"{_joined(row['subject'])} ({_joined(row['subject_role'])}) to {_joined(row['recipient'])} "
        f"({_joined(row['recipient_role'])}) for {row['purpose']}"
    )
    cell = f"{said['info']}/{said['purpose']}"
    return Item(
        id=f"ai-act/{number}",
        context=Context("share", tuple((f"arg {name}", json.dumps(value)) for name, value in said.items()), words),
        truth="allow" if LABELS[row["norm_type"]] == "allow" else "forbid",
        base="forbid",
        block=cell,
        group=words,
        cell=cell,
    )


def _joined(values: list[str] | None) -> str:
    return ", ".join(values or ())
