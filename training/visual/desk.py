"""Documents on a desk: paper, lines, a seal, a stamp. The policy asks about the stamp, and only the picture shows it.

The call, its amount and the lines are drawn apart from the stamp, so who does not look can know no more than which
effect is commonest. The engine labels; what the stamp is, it is told as a claim.
"""

from __future__ import annotations

import hashlib
import random
from typing import Final

import numpy as np

from policy_dsl import strict_json

from ..cases import Engine
from .pictures import Pixels, write_png
from .seen import PLACE, Picture, Seen

SIDE: Final = 32
"""Pixels of a picture's side."""

POLICY: Final = """language 1
allow refund(amount) as paid when claim "stamp" == "green"
ask refund(amount) as doubted when claim "stamp" == "blue"
forbid refund as void when claim "stamp" == "red"
"""
_TOOLS: Final = [
    {
        "name": "refund",
        "parameters": {
            "type": "object",
            "properties": {"amount": {"type": "integer"}},
            "required": ["amount"],
            "additionalProperties": False,
        },
    }
]
_COLOURS: Final = {"green": (30, 150, 60), "blue": (40, 70, 190), "red": (190, 40, 40)}
_SEALS: Final = ((120, 90, 20), (90, 90, 90), (140, 60, 140))


def desk(count: int, seed: int, split: str = "train") -> tuple[list[Seen], dict[str, bytes]]:
    """`count` cases and their files; what the stamp is goes round, all else is drawn. The same seed, the same bytes."""
    engine = Engine.of_text(POLICY, _TOOLS, "desk")
    chance = random.Random(strict_json.encode([seed, split, "desk"]))  # noqa: S311  # data, no secret
    stamps = [list(_COLOURS)[number % len(_COLOURS)] for number in range(count)]
    chance.shuffle(stamps)
    cases, files = [], {}
    for number, stamp in enumerate(stamps):
        call = {"tool": "refund", "args": {"amount": chance.randint(100, 999)}}
        context = {"facts": {"claims": {"stamp": stamp}}}
        content = write_png(_drawn(chance, stamp))
        path = f"pictures/{split}-{seed}-{number}.png"
        files[path] = content
        label = engine.label(call, context)
        cases.append(
            Seen(
                id=f"{split}-{seed}-{number}",
                policy="<|policy:desk|>",
                question=f"{PLACE} The agent calls refund with amount {call['args']['amount']}.",  # type: ignore[index]
                pictures=(Picture(path, hashlib.sha256(content).hexdigest()),),
                thought=f"stamp {stamp}; so {label.rule}",
                answer=label.answer(),
                effect=label.effect,
                rule=label.rule,
                call=call,
                context=context,
                split=split,
            )
        )
    return cases, files


def _drawn(chance: random.Random, stamp: str) -> Pixels:
    pixels = np.full((SIDE, SIDE, 3), chance.randint(225, 250), np.uint8)
    for row in range(4, SIDE - 10, 3):
        pixels[row, 3 : chance.randint(10, SIDE - 3)] = chance.randint(60, 120)
    _square(pixels, chance, 4, chance.choice(_SEALS))
    _square(pixels, chance, 8, _COLOURS[stamp])
    return pixels


def _square(pixels: Pixels, chance: random.Random, side: int, colour: tuple[int, int, int]) -> None:
    """Somewhere in the lower half, in a shade of its own."""
    top, left = chance.randint(SIDE // 2, SIDE - side), chance.randint(0, SIDE - side)
    shade = [max(0, min(255, part + chance.randint(-15, 15))) for part in colour]
    pixels[top : top + side, left : left + side] = shade
