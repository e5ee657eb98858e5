"""policy_dsl/state/answers.py: what is written of answers that are not kept."""

from __future__ import annotations

from policy_dsl.state.answers import Answers, Kind

KINDS = [Kind(None, f"tool{number}", frozenset(), bool(number % 2)) for number in range(40)]


def test_kinds_without_answers_are_written_in_one_order() -> None:
    """A set gives its members in the order of their hashes and of their coming; a restart must not show in the file."""
    one, other = Answers(), Answers()
    for kind in KINDS:
        one.lose(kind)
    for kind in reversed(KINDS):
        other.lose(kind)
    assert one.lost == other.lost
    assert one.export() == other.export()
    again = Answers()
    again.restore(one.export())
    assert again.export() == one.export()
