"""What a model may propose, as a JSON schema, and the strict reading of what it said.

The vocabulary is closed: an attribute or a value that no case has cannot be named, so a report's text cannot bring in a
condition, whatever it talks the model into. What is proposed is a candidate only; memory's checks are the same for all.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from memory import Condition, Context, Label, Proposal

from ..asking import BadAnswer, read_list

MAX_PROPOSALS: Final = 5
"""How many abstractions one answer may hold: RLAD keeps the best of a few."""

MAX_TESTS: Final = 16
MAX_RATIONALE: Final = 300

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["abstractions"],
    "properties": {
        "abstractions": {
            "type": "array",
            "maxItems": MAX_PROPOSALS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool", "condition", "rationale"],
                "properties": {
                    "tool": {"type": "string"},
                    "condition": {
                        "type": "array",
                        "maxItems": MAX_TESTS,
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["attribute", "values"],
                            "properties": {
                                "attribute": {"type": "string"},
                                "values": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                            },
                        },
                    },
                    "rationale": {"type": "string", "maxLength": MAX_RATIONALE},
                },
            },
        }
    },
}
"""All members required and closed: what providers call strict output (OpenAI, structured outputs)."""

_ABSTRACTION: Final = frozenset({"tool", "condition", "rationale"})
_TEST: Final = frozenset({"attribute", "values"})

Vocabulary = Mapping[str, Mapping[str, frozenset[str]]]
"""By tool and attribute, the values that the cases have."""


def vocabulary(contexts: Sequence[Context]) -> Vocabulary:
    """What a condition may speak of: the attributes and values of these contexts, by tool."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for context in contexts:
        for attribute, value in context.attributes:
            found[context.tool][attribute].add(value)
    return {
        tool: {name: frozenset(values) for name, values in attributes.items()} for tool, attributes in found.items()
    }


def read_answer(text: str, contexts: Sequence[Context], label: Label) -> tuple[Proposal, ...]:
    """The proposals of a model's answer about these cases. Raises BadAnswer, and nothing else."""
    listed = read_list(text, "abstractions", MAX_PROPOSALS)
    known = vocabulary(contexts)
    return tuple(_proposal(item, known, label) for item in listed)


def _proposal(item: object, known: Vocabulary, label: Label) -> Proposal:
    if not isinstance(item, dict) or item.keys() != _ABSTRACTION:
        raise BadAnswer("an abstraction has other members than the schema")
    tool, tests, rationale = item["tool"], item["condition"], item["rationale"]
    if not isinstance(tool, str) or tool not in known:
        raise BadAnswer("an abstraction names no tool of the cases")
    if not isinstance(rationale, str) or len(rationale) > MAX_RATIONALE or not _is_plain(rationale):
        raise BadAnswer(f"a rationale is no plain text of at most {MAX_RATIONALE} characters")
    if not isinstance(tests, list) or not 1 <= len(tests) <= MAX_TESTS:
        raise BadAnswer(f"a condition is no list of 1 to {MAX_TESTS}")
    read = dict(_test(test, known[tool]) for test in tests)
    if len(read) < len(tests):
        raise BadAnswer("a condition tests an attribute twice")
    return Proposal(label, Condition(tool, tuple(sorted(read.items()))), rationale)


def _test(test: object, known: Mapping[str, frozenset[str]]) -> tuple[str, tuple[str, ...]]:
    if not isinstance(test, dict) or test.keys() != _TEST:
        raise BadAnswer("a test has other members than the schema")
    attribute, values = test["attribute"], test["values"]
    if not isinstance(attribute, str) or attribute not in known:
        raise BadAnswer("a test names no attribute of the cases")
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise BadAnswer("`values` is no list of texts")
    if not known[attribute].issuperset(values):
        raise BadAnswer("a test names a value that no case has")
    return attribute, tuple(sorted(set(values)))


def _is_plain(text: str) -> bool:
    """No control, format (bidi) or private character: the rationale is printed into policy text and on screens."""
    return not any(unicodedata.category(char)[0] == "C" for char in text)
