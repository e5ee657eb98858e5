"""Does one policy grant a call of a tool that the other does not? Lazily: each grant of ours is asked about by itself.

A query starts with `this grant is true` alone. Its model is replayed. Where one of our own rules stood in the way, that
rule is asked to stay out of it; where a grant of theirs covered the call, that grant (or what blocks it) is; where the
solver misjudged a text, what the text really gives is added. So a query holds the few rules that matter, however many
there are (with all rules at once, 50 different patterns are too many for z3). It ends with a call on which both engines
confirm the difference, with unsatisfiable (nothing can be granted through this grant), or with neither: unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any, Final

from ..ast import LAYERS, Effect
from ..outcome import Outcome
from .answers import PROVED, Counterexample, Shown
from .demands import (
    OUTRIGHT,
    UNJUDGED,
    Covering,
    Level,
    Stand,
    blocking,
    granting,
    in_its_way,
    judging,
    out_of_its_way,
)
from .ground import Both, Demand, Either, Ground, Misfit, On, Scoped
from .names import ToolClass
from .parties import Entry, Layer, Meeting, Mode
from .rails import Side
from .replay import Case, Engine, Reader, Unreal, case_of
from .shapes import Shape
from .solver import is_sayable, text_term
from .tree import Node
from .views import View
from .world import THEIRS

MAX_LESSONS: Final = 40
"""Texts that the solver may misjudge in one grant's query before it is left unknown."""

MAX_DOUBTS: Final = 12
"""Models that may be put aside without knowing why they are of no real call."""

MAX_OFFERS: Final = 24
"""Combinations of texts that are tried in place of ones that the solver misjudged."""

_WHY: Final = {"inexact": "does arithmetic that 1,000 digits might not hold", "unknown": "is too hard for z3"}

_HEIGHT: Final = {"forbid": 0, "ask": 1, "allow": 2}


@dataclass(frozen=True, slots=True)
class Question:
    """`ours` and `theirs` on one tool at one level: is there a call that ours grants and theirs does not?

    `engines` are ours and theirs; `swapped` tells that ours is the old policy. `split` asks with the labels and sources
    of the two sessions apart, as they may be where the policies label or trust results differently. `grounds` are
    shared by all questions about one tool.
    """

    meeting: Meeting
    of: ToolClass
    ours: Stand
    theirs: Stand
    engines: tuple[Engine, Engine]
    level: Level
    swapped: bool
    grounds: dict[tuple[str | None, bool], Ground]
    split: bool = False

    def answer(self) -> Shown:
        if self.ours.grants_nothing:
            return PROVED
        covering = Covering(self.ours, self.theirs, self.level)
        left = [grant for grant in granting(self.ours.layers[0], self.level) if not covering.covers(grant)]
        return _Search(self).through(left) if left else PROVED

    def shape(self) -> Shape:
        """Every place that either policy looks at."""
        shape = Shape()
        for stand in (self.ours, self.theirs):
            if stand.tool is not None:
                shape.add_type(stand.tool.parameters)
            for layer in stand.layers:
                for entry in {*layer.grants, *layer.blockers}:
                    if entry.rule.signature is not None:
                        shape.add_signature(entry.rule.signature)
                    shape.add_condition(entry.condition)
        return shape

    def side(self, stand: Stand) -> Side:
        return Side(stand.party.side.levels, THEIRS if self.split and stand is self.theirs else "")

    def is_granted(self, outcome: Outcome) -> bool:
        high = _HEIGHT[outcome.effect] >= (2 if self.level in OUTRIGHT else 1)
        return high and (outcome.subject is None or self.level not in UNJUDGED)

    def differs(self, ours: Outcome, theirs: Outcome) -> bool:
        return self.is_granted(ours) and not self.is_granted(theirs)


class _Search:
    """The queries of one question, one for each grant."""

    def __init__(self, question: Question) -> None:
        self.question = question
        key = (question.ours.tool_digest, question.split)
        if key not in question.grounds:
            tool = question.ours.tool
            declared = None if tool is None else tool.parameters
            question.grounds[key] = Ground(question.meeting, declared, question.shape())
        self.ground = question.grounds[key]
        self.ground.restart()
        self._said: dict[tuple[str, Mode, bool], On] = {}
        self._always: set[str] = set()

    def through(self, grants: Sequence[Entry]) -> Shown:
        unknown: Shown | None = None
        for grant in grants:
            shown = _Query(self, grant).answer()
            if shown.answer == "counterexample":
                return shown
            if shown.answer == "unknown":
                unknown = shown
        return unknown or PROVED

    def say(self, entry: Entry, mode: Mode, stand: Stand) -> On:
        key = (entry.id, mode, stand is self.question.ours)
        if key not in self._said:
            self._said[key] = On(entry, mode, stand, self.question.side(stand))
        return self._said[key]


class _Query:
    """The search for a call that is granted through one grant."""

    def __init__(self, search: _Search, grant: Entry) -> None:
        self.search = search
        self.question = search.question
        self.ground = search.ground
        self.grant = grant
        self.doubts = self.lessons = 0
        self.put_aside: str | None = None
        self.stated: set[str] = set()
        self.spared = {one.key for one in self._in_our_way() if out_of_its_way(one, self.question.level) == "spared"}

    def answer(self) -> Shown:
        self.ground.begin(*self._our_demands())
        try:
            self._begin_with_namesake()
            return self._answer()
        finally:
            self.ground.end()

    def _answer(self) -> Shown:
        while self.lessons <= MAX_LESSONS:
            verdict, model = self.ground.check()
            if verdict == "unsat":
                return self._none_left()
            if verdict != "sat":
                why = (
                    "does arithmetic that 1,000 digits might not hold" if verdict == "inexact" else "is too hard for z3"
                )
                return Shown("unknown", because=f"`{self.grant.id}` {why}")
            found = self._judged(model)
            if found is not None:
                return found
        return Shown("unknown", because=f"no end was found of the calls that `{self.grant.id}` grants")

    def _none_left(self) -> Shown:
        if self.put_aside is not None:
            return Shown("unknown", because=f"`{self.grant.id}`: there was only {self.put_aside}")
        if not self.ground.census.exact:
            return Shown("unknown", because=f"`{self.grant.id}` stands among quantifiers over two lists at once")
        if self.question.meeting.apart and self.ground.rails.uses_labels and not self.question.split:
            return _Search(replace(self.question, split=True)).through([self.grant])
        return PROVED

    # --- what must hold ---------------------------------------------------------------------------------------------

    def _our_demands(self) -> list[Demand]:
        """The grant, and the lower layers that must grant too; what is in the way is added as it shows."""
        ours = self.question.ours
        found: list[Demand] = [self.search.say(self.grant, "true", ours)]
        # What is asked about a judge decides by another grant's name, so no replay could tell it from others.
        found += [
            self.search.say(one, "untrue", ours) for one in judging(ours.layers[0], self.grant, self.question.level)
        ]
        return found + [self._granting(layer) for layer in ours.layers[1:] if layer.closed or layer.grants]

    def _granting(self, layer: Layer) -> Demand:
        """That one of our lower layers grants, or has no objection."""
        ours, level, say = self.question.ours, self.question.level, self.search.say
        ways: list[Demand] = [
            Both(
                (
                    say(grant, "true", ours),
                    *(say(one, out_of_its_way(one, level), ours) for one in blocking(layer, grant, level)),
                )
            )
            for grant in granting(layer, level)
        ]
        if not layer.closed:
            unbound = (Scoped(grant.rule.scope, False) for grant in layer.written)
            ways.append(Both((*unbound, *(say(one, "spared", ours) for one in blocking(layer, None, level)))))
        return Either(tuple(ways))

    def _in_our_way(self) -> list[Entry]:
        """Rules of ours that must not hold if the grant is to decide."""
        top, *rest = self.question.ours.layers
        found = list(blocking(top, self.grant, self.question.level))
        for layer in rest:
            if not layer.closed and not layer.grants:
                found += blocking(layer, None, self.question.level)
        return found

    # --- models -----------------------------------------------------------------------------------------------------

    def _judged(self, model: Any) -> Shown | None:
        """Replay a model; None where it taught something and the search goes on."""
        for is_offer in (False, True):
            read = Reader(model)
            try:
                case = case_of(self.ground.world, read, self.question.meeting)
            except Unreal as unreal:
                return self._doubt(read, str(unreal))
            found = self._replayed(case)
            if found is not None:
                return found
            mistaken = self._mistaken(read)
            if not mistaken:
                return None if self._refine(case) else self._doubt(read, "a call that no engine bears out")
            if is_offer:
                self._learn(mistaken, read)
                return None
            model = self._offered(mistaken, read)
            self._learn(mistaken, read)
            if model is None:
                return None
        return None

    def _replayed(self, case: Case) -> Shown | None:
        of, engines = self.question.of, self.question.engines
        quick = [engine.quickly(of.server, of.tool, case, place) for place, engine in enumerate(engines)]
        if not self.question.differs(*quick):
            return None
        ours, theirs = (engine.slowly(of.server, of.tool, case, place) for place, engine in enumerate(engines))
        if [ours, theirs] != quick:
            return Shown("unknown", because="the two engines disagree about a call")
        if self.question.split:
            return Shown("unknown", because="results are labelled, trusted or redacted differently")
        facts = tuple(case.facts_for(engine.numbers, place) for place, engine in enumerate(engines))
        step = 1 if self.question.swapped else -1  # ours comes first here, the old policy there
        (old, new), (facts_of_old, facts_of_new) = (ours, theirs)[::step], facts[::step]
        return Shown(
            "counterexample",
            Counterexample(of.server, of.tool, case.arguments, case.assuming, old, new, (facts_of_old, facts_of_new)),
        )

    def _mistaken(self, read: Reader) -> list[View]:
        """The views whose outputs the solver chose wrongly for the text it chose."""
        found = []
        for view in self.ground.world.views.made.values():
            text = read.text(view.node)
            if text is not None and view.wanted(read.model) != view.real(text):
                found.append(view)
        return found

    def _learn(self, mistaken: Sequence[View], read: Reader) -> None:
        self.lessons += 1
        for view in mistaken:
            text = read.text(view.node)
            if text is not None:
                self.ground.learn(view.node, text)

    def _offered(self, mistaken: Sequence[View], read: Reader) -> Any | None:
        """A model with texts that give what the solver wanted of them, None where there is none."""
        nodes: dict[str, tuple[Node, list[str]]] = {}
        for view in mistaken:
            texts = nodes.setdefault(view.node.name, (view.node, []))[1]
            wanted = view.wanted(read.model)
            texts += [text for text in view.offers(wanted) if text not in texts and is_sayable(text)]
        choices = [[(node, text) for text in texts[:8]] for node, texts in nodes.values() if texts]
        for chosen in islice(product(*choices), MAX_OFFERS) if choices else ():
            for node, text in chosen:
                self.ground.learn(node, text)
            verdict, model = self.ground.check_offer([(node, text_term(text)) for node, text in chosen])
            if verdict != "unsat":  # what is too hard with one text is so with another
                return model
        return None

    def _doubt(self, read: Reader, why: str) -> Shown | None:
        self.doubts += 1
        if self.doubts > MAX_DOUBTS:
            return Shown("unknown", because=f"`{self.grant.id}`: there was only {why}")
        self.put_aside = why
        self.ground.doubt(_below(self.ground.world.arguments), read.model)
        return None

    # --- refinement -------------------------------------------------------------------------------------------------

    def _refine(self, case: Case) -> bool:
        """Add the rule that the model did not reckon with; false where there is none."""
        of, (our_engine, their_engine) = self.question.of, self.question.engines
        ours = our_engine.quickly(of.server, of.tool, case, 0)
        if not self.question.is_granted(ours):
            return self._spare(ours)
        return self._uncover(their_engine.quickly(of.server, of.tool, case, 1), case)

    def _spare(self, outcome: Outcome) -> bool:
        """The rule of ours that decided must stay out of the way; of most grants, so the next queries begin with it."""
        for one in self._in_our_way():
            if one.id == outcome.rule and one.id not in self.stated:
                self.stated.add(one.id)
                demand = self.search.say(one, out_of_its_way(one, self.question.level), self.question.ours)
                grants = granting(self.question.ours.layers[0], self.question.level)
                if all(one.rule.priority >= grant.rule.priority for grant in grants if grant is not one):
                    self.ground.always(demand)
                else:
                    self.ground.require(demand)
                return True
        return False

    def _uncover(self, outcome: Outcome, case: Case) -> bool:
        """The grants by which theirs covers the call must not do so."""
        grants = []
        for index, layer in enumerate(self.question.theirs.layers):
            grant = self._granted_by(layer, outcome, case)
            if grant is None and (index == 0 or layer.closed):
                return False
            grants.append(grant)
        return self._deny(grants)

    def _begin_with_namesake(self) -> None:
        """The grant of theirs with the same id is most often what covers ours: denied before anybody asks."""
        theirs = self.question.theirs
        if theirs.known and theirs.single():
            top = granting(theirs.layers[0], self.question.level)
            namesake = next((one for one in top if one.id == self.grant.id), None)
            if namesake is not None:
                self._deny([namesake, *(None for _ in theirs.layers[1:])])

    def _deny(self, grants: Sequence[Entry | None]) -> bool:
        """One of their grants, one for each layer, is untrue, or something stands in its way; false if that is known.

        None is a layer that only restricts, as long as no grant of it binds the principal.
        """
        theirs, say = self.question.theirs, self.search.say
        stated = f"denied {[grant and grant.id for grant in grants]}"
        if stated in self.stated:
            return False
        self.stated.add(stated)
        # What stands in our way already cannot be in theirs, if it reads the call as theirs does.
        alike = not self.question.meeting.apart and theirs.tool_digest == self.question.ours.tool_digest
        ways: list[Demand] = []
        for layer, grant in zip(theirs.layers, grants, strict=True):
            if grant is not None:
                ways.append(say(grant, "untrue", theirs))
            else:
                ways += [Scoped(one.rule.scope, True) for one in layer.written]
            ways += [
                say(one, in_its_way(one, self.question.level), theirs)
                for one in blocking(layer, grant, self.question.level)
                if not (alike and one.key in self.spared)
            ]
        if theirs.tool is not None and theirs.tool_digest != self.question.ours.tool_digest:
            ways.append(Misfit(theirs.tool.parameters))
        self.ground.require(Either(tuple(ways)))
        return True

    def _granted_by(self, layer: Layer, outcome: Outcome, case: Case) -> Entry | None:
        """A grant of the layer that is true of the call with nothing in its way."""
        grants = granting(layer, self.question.level)
        told = [one for one in grants if one.id == outcome.rule]
        if told:
            return told[0]
        first = sorted(grants, key=lambda one: -one.rule.priority)
        return next((one for one in first if self._is_true(one, case)), None)

    def _is_true(self, entry: Entry, case: Case) -> bool:
        """Asks the reference evaluator about this one rule."""
        of, engine = self.question.of, self.question.engines[1]
        alone = replace(entry.rule, effect=Effect.ALLOW, layer=LAYERS[0], priority=0)
        policy = replace(engine.policy, rules={entry.id: alone}, otherwise={})
        return replace(engine, policy=policy).slowly(of.server, of.tool, case, 1).effect == "allow"


def _below(node: Node) -> list[Node]:
    """The node and all inside it."""
    found = [node]
    for inner in [*node.members.values(), *node.elements]:
        found += _below(inner)
    return found
