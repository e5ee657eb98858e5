"""memory/vectors: one contract for every index, and what each promises beyond it."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from memory import Case, Context
from memory.encoders import HashingEncoder, Rows
from memory.vectors import ExactIndex, Index, UsearchIndex, rebuilt

DIM = 8
MAKERS: dict[str, tuple[Callable[[int], Index], float]] = {
    "exact": (ExactIndex, 2e-6),
    "exact half": (partial(ExactIndex, half=True), 2e-3),
    "usearch": (UsearchIndex, 2e-3),
}
"""Each with what its cosines may be off by: float16 has 11 binary digits."""


@pytest.fixture(params=MAKERS)
def made(request: pytest.FixtureRequest) -> tuple[Callable[[int], Index], float]:
    if request.param == "usearch" and find_spec("usearch") is None:
        pytest.skip("`usearch` of the extra memory-encoders is not installed")
    return MAKERS[request.param]


def _rows(seed: int, count: int, dim: int = DIM) -> Rows:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _ids(count: int) -> list[str]:
    return [f"dec-{number:04d}" for number in range(count)]


operations = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"), st.lists(st.integers(0, 40), min_size=1, max_size=8, unique=True), st.integers(0, 99)
        ),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 40), max_size=8), st.just(0)),
    ),
    max_size=12,
)


@pytest.mark.parametrize("name", MAKERS)
def test_a_search_finds_what_a_sorted_list_of_all_would(name: str, every: Callable[..., None]) -> None:
    """The contract, against a dictionary: whatever was added, replaced and removed before."""

    def check(steps: list[tuple[str, list[int], int]], asked: int, k: int, odd: bool) -> None:
        if name == "usearch" and find_spec("usearch") is None:
            pytest.skip("`usearch` of the extra memory-encoders is not installed")
        make, tolerance = MAKERS[name]
        index, kept = make(DIM), {}
        for act, numbers, seed in steps:
            ids = [f"dec-{number:04d}" for number in numbers]
            if act == "add":
                rows = _rows(seed, len(ids))
                index.add(ids, rows)
                kept.update(zip(ids, rows, strict=True))
            else:
                index.remove(ids)
                for id in ids:
                    kept.pop(id, None)
        assert len(index) == len(kept)
        keep = (lambda id: int(id[-1]) % 2 == 1) if odd else None
        row = _rows(asked, 1)[0]
        cosines = {id: float(other @ row) for id, other in kept.items() if keep is None or keep(id)}
        found = index.search(row, k, keep)
        assert len(found) == min(k, len(cosines)) == len({id for id, _ in found})
        for (_, cosine), best in zip(found, sorted(cosines.values(), reverse=True), strict=False):
            assert cosine == pytest.approx(best, abs=tolerance)
        for id, cosine in found:
            assert cosine == pytest.approx(cosines[id], abs=tolerance)
        assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)

    every(60, check, operations, st.integers(0, 99), st.integers(1, 12), st.booleans())


def test_equally_near_rows_go_by_id(made: tuple[Callable[[int], Index], float]) -> None:
    make, _ = made
    row = _rows(1, 1)
    for ids in (_ids(40), _ids(40)[::-1]):
        index = make(DIM)
        index.add(ids, np.repeat(row, 40, axis=0))
        assert [id for id, _ in index.search(row[0], 40)] == _ids(40)


def test_an_empty_index_finds_nothing(made: tuple[Callable[[int], Index], float]) -> None:
    make, _ = made
    index = make(DIM)
    index.add([], np.zeros((0, DIM), dtype=np.float32))
    index.remove(["unknown"])
    assert index.search(_rows(1, 1)[0], 3) == []
    assert len(index) == 0


def test_a_row_of_zeros_is_as_near_as_what_is_unrelated(made: tuple[Callable[[int], Index], float]) -> None:
    make, _ = made
    index = make(DIM)
    index.add(["empty"], np.zeros((1, DIM), dtype=np.float32))
    assert index.search(_rows(1, 1)[0], 1) == [("empty", 0.0)]


@pytest.mark.parametrize(
    ("ids", "rows", "message"),
    [
        (["a"], np.zeros((1, DIM + 1), dtype=np.float32), "1 rows of 8 numbers are needed"),
        (["a", "b"], np.zeros((1, DIM), dtype=np.float32), "2 rows of 8 numbers are needed"),
        (["a", "a"], np.zeros((2, DIM), dtype=np.float32), "an id stands twice"),
        (["a"], np.full((1, DIM), np.nan, dtype=np.float32), "not finite"),
        (["a"], np.full((1, DIM), np.inf, dtype=np.float32), "not finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_change_nothing(
    made: tuple[Callable[[int], Index], float], ids: list[str], rows: Rows, message: str
) -> None:
    make, _ = made
    index = make(DIM)
    index.add(["z"], _rows(1, 1))
    with pytest.raises(ValueError, match=message):
        index.add(ids, rows)
    assert [id for id, _ in index.search(_rows(1, 1)[0], 5)] == ["z"]


def test_a_search_that_makes_no_sense_is_refused(made: tuple[Callable[[int], Index], float]) -> None:
    make, _ = made
    index = make(DIM)
    with pytest.raises(ValueError, match="k must be at least 1, not `0`"):
        index.search(_rows(1, 1)[0], 0)
    with pytest.raises(ValueError, match="not finite"):
        index.search(np.full(DIM, np.nan, dtype=np.float32), 1)


def test_exact_search_keeps_its_order_over_many_blocks_and_a_filter_that_leaves_few() -> None:
    rows, ids = _rows(3, 5_000, 16), _ids(5_000)
    index = ExactIndex(16)
    index.add(ids, rows)
    index.remove(ids[:1_500])
    expected = sorted(
        ((round(float(row @ rows[0]), 6), id) for id, row in zip(ids[1_500:], rows[1_500:], strict=True)),
        key=lambda one: (-one[0], one[1]),
    )
    wanted = {id for _, id in expected[-3:]}
    assert [id for id, _ in index.search(rows[0], 3, wanted.__contains__)] == [id for _, id in expected[-3:]]
    assert [id for id, _ in index.search(rows[0], 200)] == [id for _, id in expected[:200]]


def test_a_hundred_thousand_rows_take_less_than_sixty_megabytes() -> None:
    ids, rows = _ids(100_000), _rows(1, 1_000, 256)
    tracemalloc.start()
    try:
        index = ExactIndex(256, half=True)
        for first in range(0, 100_000, 1_000):
            index.add(ids[first : first + 1_000], rows)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(index) == 100_000
    assert taken < 60e6


def test_removed_rows_give_their_memory_back() -> None:
    ids, rows = _ids(10_000), _rows(1, 10_000, 256)
    tracemalloc.start()
    try:
        index = ExactIndex(256)
        before = tracemalloc.get_traced_memory()[0]
        index.add(ids, rows)
        index.remove(ids)
        assert tracemalloc.get_traced_memory()[0] - before < 1e6
    finally:
        tracemalloc.stop()


def _case(number: int, words: str) -> Case:
    return Case(f"dec-{number:04d}", number, number, Context("send", (), words), "allow", "allow", "hash")


@pytest.mark.parametrize("count", [0, 3, 2_500])
def test_an_index_is_made_again_from_its_cases(made: tuple[Callable[[int], Index], float], count: int) -> None:
    make, _ = made
    encoder = HashingEncoder(64)
    cases = [_case(number, f"pay invoice {number}") for number in range(count)]
    index = rebuilt(cases, encoder, make)
    assert len(index) == count
    if count:
        [(id, cosine)] = index.search(encoder.encode(["pay invoice 1"])[0], 1)
        assert (id, cosine) == ("dec-0001", pytest.approx(1.0, abs=2e-3))


def test_without_usearch_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['usearch.index'] = None\n"
        "from memory.encoders import EncoderMissing\n"
        "from memory.vectors import ExactIndex, UsearchIndex\n"
        "ExactIndex(8)\n"
        "try: UsearchIndex(8)\n"
        "except EncoderMissing as error: print(error, '|', error.help)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == (
        "the library `usearch` is not installed | install what it needs: pip install 'leastward[memory-encoders]'"
    )
