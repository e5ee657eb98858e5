"""The Context of a call: its attributes, sorted by name, and its free text.

Everything is bounded, because the model chooses the arguments: MOST_PLACES values are looked at, nearest to the top
first, MOST_DEPTH deep, and MOST_ATTRIBUTES are kept. A call cannot be made to match a test by being large, only to
match none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from policy_dsl import Facts, PolicySet

from ..model import Context
from .kinds import BY_TYPE, MOST_TEXT, Leaf, is_value, json_text, sets_of
from .places import Place, is_name, spelled
from .target import spelled_target
from .vocabulary import Vocabulary

MOST_ATTRIBUTES: Final = 64
MOST_PLACES: Final = 64
MOST_DEPTH: Final = 4
MOST_WORDS: Final = 2_000
MOST_ROLES: Final = 8

Redact = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Arguments without their secrets: the same object where there are none, else a copy in which every secret is another
value or stands under another name."""

Attributes = list[tuple[str, str]]


def kept_as_they_are(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """For arguments that hold no secrets."""
    return arguments


class Reader:
    """Reads calls by one policy. Values that `redact` would change are in no attribute."""

    def __init__(self, policy: PolicySet, redact: Redact = kept_as_they_are) -> None:
        self.policy_hash = policy.hash
        self.vocabulary = Vocabulary(policy)
        self._redact = redact

    def read(self, tool: str, server: str | None, arguments: Mapping[str, Any], facts: Facts) -> Context:
        """Deterministic, and the same for every order of the arguments. `arguments` come from the strict parser."""
        attributes = self._of_facts(facts)
        words: list[str] = []
        self._of_arguments(arguments, self._redact(arguments), facts, attributes, words)
        for name in self.vocabulary.names(server, tool):
            if arguments.get(name) is None and is_name(name):
                attributes.append((f"has {spelled((name,))}", "false"))
        del attributes[MOST_ATTRIBUTES:]
        attributes.sort()
        return Context(spelled_target(tool, server), tuple(attributes), " ".join(words)[:MOST_WORDS])

    def _of_facts(self, facts: Facts) -> Attributes:
        found: Attributes = [
            (f"label {name}", "true" if has else "false") for name, has in self.vocabulary.carried(facts)
        ]
        for name, value in (("agent", facts.agent), ("user", facts.user)):
            if value and json_text(value) is not None:
                found.append((name, value))
        for role in sorted(facts.roles)[:MOST_ROLES]:
            if json_text(role) is not None:
                found.append((f"role {role}", "true"))
        return found

    def _of_arguments(
        self,
        arguments: Mapping[str, Any],
        clean: Mapping[str, Any],
        facts: Facts,
        attributes: Attributes,
        words: list[str],
    ) -> None:
        level: list[tuple[Place, Any, Any]] = [((), arguments, clean)]
        places = 0
        for _ in range(MOST_DEPTH):
            below: list[tuple[Place, Any, Any]] = []
            for above, members, kept in level:
                for name in sorted(filter(is_name, members))[:MOST_PLACES]:
                    places += 1
                    if places > MOST_PLACES:
                        return
                    if name not in kept:
                        continue
                    place = (*above, name)
                    value = members[name]
                    self._of_value(place, value, kept[name], facts, attributes, words)
                    if type(value) is dict and type(kept[name]) is dict:
                        below.append((place, value, kept[name]))
            level = below

    def _of_value(
        self, place: Place, value: Any, kept: Any, facts: Facts, attributes: Attributes, words: list[str]
    ) -> None:
        at = spelled(place)
        if value is not None:
            attributes.append((f"has {at}", "true"))
        kind = type(value)
        if kind is str and type(kept) is str and len(kept) > MOST_TEXT and sum(map(len, words)) < MOST_WORDS:
            words.append(kept[:MOST_WORDS])
        if kind is not list and (type(kept) is not kind or kept != value or not is_value(value)):
            return
        leaf = Leaf(place, at, value, facts, self.vocabulary)
        for name, of in BY_TYPE.get(kind, ()):
            found = of(leaf)
            if found is not None:
                attributes.append((f"{name} {at}", found))
        if kind is str:
            attributes += sets_of(leaf, self.vocabulary.text_sets)
        elif kind is not list and value is not None:
            attributes += sets_of(leaf, self.vocabulary.number_sets)
