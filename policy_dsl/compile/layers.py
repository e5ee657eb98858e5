"""The layers of a policy: each has a verdict of its own on the calls of a tool, and the strictest one counts.

The topmost layer that says anything must grant. A lower one without an `otherwise`, and without a rule that could grant
a call of the tool to whoever acts, only *restricts*: it has no objection where its forbids and require approvals are
silent, which its verdict says with None. What is learned or learnable makes no layer one that says anything, nor one
that has to grant: else an allow more could take calls away. Where nobody wrote anything the first of all has to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..ast import LAYERS, Constant, Effect, Rule
from ..facts import Facts
from ..outcome import NEEDS, Outcome, subject_to
from .askers import Askers, askers
from .binding import Ruled
from .contender import Ground
from .diagnosis import Tell
from .verdicts import Verdict, Voice, verdict, voice


class Layers:
    """The layers that a policy has, the topmost that says anything first, then the others in their order. `otherwise`
    has the messages of those that write the statement."""

    def __init__(self, rules: Mapping[str, Rule], otherwise: Mapping[str, str | None]) -> None:
        written = {rule.layer for rule in rules.values() if rule.is_written}.union(otherwise)
        spoken = {rule.layer for rule in rules.values()}.union(written)
        topmost = next((layer for layer in LAYERS if layer in written), LAYERS[0])
        self._present = [topmost, *(layer for layer in LAYERS if layer in spoken and layer != topmost)]
        self._written = otherwise
        self.otherwise = otherwise.get(topmost)

    def verdict(self, rules: Sequence[Ruled], ground: Ground) -> Verdict:
        """The verdict of the rules that fit one tool, given in order of id."""
        if len(self._present) == 1:
            return verdict(rules, ground, self.otherwise)
        (_, of_topmost), *lower = self._split(rules)
        topmost = verdict(of_topmost, ground, self.otherwise)
        voices = [
            voice(of_layer, ground, self._written.get(layer), restricts=self._restricts(layer, of_layer))
            for layer, of_layer in lower
            if of_layer or not self._restricts(layer, of_layer)
        ]
        return _strictest([topmost.voice, *voices]) if voices else topmost

    def askers(self, rules: Sequence[Ruled], ground: Ground) -> Askers:
        """The rules of all layers that ask about a call which no layer refuses, in order of id."""
        asked = [askers(of_layer, ground) for _, of_layer in self._split(rules) if of_layer]
        return lambda a, facts: tuple(sorted(id for ask in asked for id in ask(a, facts)))

    def grants(self, rules: Sequence[Ruled]) -> bool:
        """Whether there could be a call of a tool that no layer refuses, of the rules that fit it."""
        return all(
            _grants(rule for _, rule in of_layer)
            or (self._restricts(layer, of_layer) and not any(_always_forbids(rule) for _, rule in of_layer))
            for layer, of_layer in self._split(rules)
        )

    def _split(self, rules: Sequence[Ruled]) -> list[tuple[str, list[Ruled]]]:
        return [(layer, [ruled for ruled in rules if ruled[1].layer == layer]) for layer in self._present]

    def _restricts(self, layer: str, rules: Sequence[Ruled]) -> bool:
        return layer not in (self._present[0], *self._written) and not any(
            _is_grant(rule) and rule.is_written for _, rule in rules
        )


def _is_grant(rule: Rule) -> bool:
    return rule.effect in (Effect.ALLOW, Effect.ASK)


def _grants(rules: Any) -> bool:
    """Whether a grant stands above every forbid that holds for any call."""
    listed = list(rules)
    highest = max((rule.priority for rule in listed if _always_forbids(rule)), default=None)
    return any(_is_grant(rule) and (highest is None or rule.priority > highest) for rule in listed)


def _always_forbids(rule: Rule) -> bool:
    return rule.effect is Effect.FORBID and rule.unless is None and rule.when in (None, Constant(True))


def _strictest(voices: Sequence[Voice]) -> Verdict:
    """The verdict of several layers, topmost first. The topmost one always has an outcome."""
    asked = tuple((voice.bare, voice.tell) for voice in voices)

    def decided(a: Mapping[str, Any], facts: Facts) -> tuple[Any, Tell]:
        best: tuple[Any, Any] = (None, None)
        subject: Any = None
        for bare, tell in asked:
            outcome = bare(a, facts)
            if outcome is None:
                continue
            if outcome.effect == "forbid":
                return outcome, tell
            if outcome.subject is not None:
                subject = max(subject, outcome.subject, key=NEEDS.__getitem__)
            if best[0] is None or (outcome.effect == "ask" and best[0].effect == "allow"):
                best = outcome, tell
        return best if best[0].subject == subject else (subject_to(best[0], subject), best[1])

    def bare(a: Mapping[str, Any], facts: Facts) -> Outcome:
        outcome: Outcome = decided(a, facts)[0]
        return outcome

    def full(a: Mapping[str, Any], facts: Facts) -> Outcome:
        outcome, tell = decided(a, facts)
        return tell(outcome, a, facts)

    return Verdict(bare, full, Voice(bare, asked[0][1], lambda: "\n".join(voice.source() for voice in voices)))
