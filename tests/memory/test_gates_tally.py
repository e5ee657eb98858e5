"""memory/gates/tally.py: whose each piece is, and what is left without one of them."""

from __future__ import annotations

import pytest

from memory import Evidence
from memory.gates.decay import DAY
from memory.gates.tally import tally


def _piece(sequence: int, reporters: tuple[str, ...], **given) -> Evidence:
    fields = {"at": sequence * DAY, "right": True, "weight": 0.5, "units": ("",) * len(reporters), "audit": False}
    return Evidence("L-1", f"dec-{sequence}", sequence, reporters=reporters, **{**fields, **given})


def test_pieces_stand_in_the_order_memory_heard_of_them() -> None:
    pieces = tally([_piece(3, ("a",), right=False), _piece(1, ("b",)), _piece(2, ("a",))], 90.0, 3 * DAY)
    assert pieces.right.tolist() == [True, True, False]
    assert pieces.fresh[2] == 0.5
    assert pieces.fresh[0] == pytest.approx(0.5 * 2 ** (-2 / 90))


def test_a_shared_piece_is_divided_and_survives_one_of_its_reporters() -> None:
    pieces = tally([_piece(1, ("a", "b")), _piece(2, ("b",))], 90.0, 0)
    assert pieces.by_reporter(pieces.weights[pieces.part_piece] / pieces.part_of).tolist() == [0.25, 0.75]
    assert pieces.without(0, 3).tolist() == [[0.5, 0.5], [0.25, 0.5], [0.25, 0.0]]
    assert pieces.without(2, 3).tolist() == [[0.25, 0.0]]


def test_audits_belong_to_no_reporter_but_their_auditor_confirms() -> None:
    pieces = tally([_piece(1, ("auditor",), audit=True, weight=1.0), _piece(2, ("a",))], 90.0, 0)
    assert pieces.reporters == 1
    assert (pieces.confirmers, pieces.days, pieces.audits) == (2, 2, 1)
    assert pieces.without(1, 2).tolist() == [[1.0, 0.0]]


def test_only_what_confirms_is_counted_and_weightless_words_are_not() -> None:
    evidence = [
        _piece(1, ("a",), right=False),
        _piece(2, ("agent",), weight=0.0),
        _piece(3, ("b",), at=5),
        _piece(4, ("b",), at=6),
    ]
    pieces = tally(evidence, 90.0, 0)
    assert (pieces.confirmers, pieces.days, pieces.audits, len(pieces.weights)) == (1, 1, 0, 3)


def test_a_reporter_without_a_unit_is_a_unit_of_its_own() -> None:
    evidence = [
        _piece(1, ("a", "b", "c"), units=("sales", "", "sales")),
        _piece(2, ("unit sales",), units=()),
        _piece(3, ()),
    ]
    assert tally(evidence, 90.0, 0).units.tolist() == [0, 1, 0, 2, 3]


def test_no_evidence() -> None:
    pieces = tally([], 90.0, 0)
    assert pieces.reporters == 0
    assert pieces.without(0, 1).shape == (1, 0)


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weights_without_a_guarantee_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="evidence of `dec-1` weighs"):
        tally([_piece(1, ("a",), weight=weight)], 90.0, 0)
