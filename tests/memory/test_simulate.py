"""memory/simulate.py: which recorded decisions another snapshot would have taken otherwise."""

from __future__ import annotations

from memory import Abstraction, Condition, Context, GateReading, Snapshot, Terms
from memory.encoders import HashingEncoder
from memory.simulate import Changed, Row, changed
from memory.voice import Voice

OPEN = GateReading("beta", True, "open", 9.0, 0.0, 3, 1, 0.8, 2.0, 0.6, 0.05)
ANN, EVE = (Context("pay", (("arg to", f'"{name}"'),)) for name in ("ann", "eve"))


def voice(version: int, *rules: Abstraction) -> Voice:
    supports = {"a": ANN, "b": ANN, "c": EVE, "d": EVE}
    return Voice(Snapshot("t", version, "", rules, supports, str(version)), HashingEncoder(16), Terms())


def rule(id: str, label: str, to: str, support: tuple[str, ...]) -> Abstraction:
    on = Condition("pay", (("arg to", (f'"{to}"',)),))
    return Abstraction(
        id, 1, "allow" if label == "allow" else "forbid", on, 1, 0, "", support, 0.0, 0.05, "active", approved=1,
        reading=OPEN, encoder=HashingEncoder(16).id,
    )  # fmt: skip


def test_the_decisions_that_change_are_named_with_what_changes_them() -> None:
    old = voice(1, rule("L-eve", "forbid", "eve", ("c", "d")))
    new = voice(2, rule("L-ann", "allow", "ann", ("a", "b")))
    rows = [
        Row("dec-1", ANN, "forbid", "allow"),
        Row("dec-2", ANN, "forbid"),
        Row("dec-3", EVE, "allow"),
        Row("dec-4", EVE, "forbid", "allow"),
        Row("dec-5", ANN, "forbid", "ask"),
    ]
    assert changed(old, new, rows) == [
        Changed("dec-1", "forbid", "allow", "L-ann"),
        Changed("dec-3", "ask", "allow", None),
        Changed("dec-5", "forbid", "ask", "L-ann"),
    ]
    assert changed(new, new, iter(rows)) == []
