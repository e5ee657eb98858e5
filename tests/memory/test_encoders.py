"""memory/encoders: the port, the hashing encoder, and rows that are kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memory.encoders import Encoder, EncoderError, HashingEncoder, Kept, Rows, UnknownEncoder, encoder

CASES = yaml.safe_load((Path(__file__).parent / "encoders.yaml").read_text())
HASHING = HashingEncoder()
texts = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(["pay", "invoice", "Ann", "77", "Ü", "ｐ", "\u202e", "\ud800", "👍", "."]), max_size=8
    ).map(" ".join),
)

GOLDEN = "please pay invoice 77 to ann@corp.example, Überweisung 発送 👍 pay pay"
GOLDEN_SUM = "93ddec529b68e6b1ae83da130ec6eaa56819cc4d004c3109ecb2a1c57a9308e6"
"""sha256 of the little-endian float32 row of GOLDEN under hashing-256-1. A change of it is a change of the id."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["note"])
def test_texts_are_as_near_as_they_read(case: dict[str, str]) -> None:
    one, other = HASHING.encode([case["one"], case["other"]])
    assert float(case.get("near", -1.0)) <= float(one @ other) <= float(case.get("far", 1.000001))


@given(st.lists(texts, max_size=5))
def test_rows_have_length_one_or_none_and_depend_on_their_text_only(batch: list[str]) -> None:
    rows = HASHING.encode(batch)
    assert rows.shape == (len(batch), 256)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    for text, row in zip(batch, rows, strict=True):
        assert np.array_equal(row, HASHING.encode([text])[0])
        length = float(np.linalg.norm(row))
        assert length == 0.0 or abs(length - 1.0) < 1e-5


def test_a_text_without_words_says_nothing() -> None:
    assert not HASHING.encode(["", "  \n", "?!", "\u200b"]).any()


def test_a_very_long_text_is_cut_and_its_row_still_has_length_one() -> None:
    long = "word " * 100_000
    assert np.array_equal(HASHING.encode([long])[0], HASHING.encode([long[:16_000]])[0])
    assert abs(float(np.linalg.norm(HASHING.encode(["ﷺ" * 100_000])[0])) - 1.0) < 1e-5


def test_rows_are_the_same_bytes_on_every_machine() -> None:
    row = HASHING.encode([GOLDEN])[0]
    assert hashlib.sha256(row.astype("<f4").tobytes()).hexdigest() == GOLDEN_SUM
    assert HASHING.id == "hashing-256-1"


def test_rows_do_not_depend_on_the_process() -> None:
    program = (
        "import hashlib, sys; from memory.encoders import HashingEncoder;"
        "print(hashlib.sha256(HashingEncoder().encode([sys.argv[1]]).astype('<f4').tobytes()).hexdigest())"
    )
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program, GOLDEN],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1", "PYTHONWARNINGS": "error"},
        )
        assert done.stdout.strip() == GOLDEN_SUM


@pytest.mark.parametrize("dim", [0, 1, 3, 255, 1 << 21, -256])
def test_a_number_of_buckets_that_is_no_power_of_two_is_refused(dim: int) -> None:
    with pytest.raises(ValueError, match=f"power of two from 2 to 1048576, not `{dim}`"):
        HashingEncoder(dim)


def test_more_buckets_are_another_encoder() -> None:
    assert HashingEncoder(512).id == "hashing-512-1"
    assert HashingEncoder(512).encode(["pay"]).shape == (1, 512)


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownEncoder, match="there is no encoder `bert`") as caught:
        encoder("bert")
    assert caught.value.help == "use one of `hashing`, `wordllama`, `minilm`"
    assert isinstance(caught.value, EncoderError)


def test_the_default_needs_no_extra() -> None:
    """Neither the libraries of the extra nor anything that opens a connection is loaded with memory.encoders."""
    program = (
        "import sys; from memory.encoders import encoder; encoder('hashing').encode(['pay']);"
        "print(sorted({'tokenizers', 'safetensors', 'wordllama', 'usearch', 'requests', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


class Counting:
    """The hashing encoder, and what it was asked."""

    id, dim = HASHING.id, HASHING.dim

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Rows:
        self.asked += texts
        return HASHING.encode(texts)


@given(st.lists(st.lists(texts, max_size=6), max_size=8), st.integers(1, 5))
def test_kept_rows_are_those_of_the_encoder(batches: list[list[str]], most: int) -> None:
    kept: Encoder = Kept(HASHING, most)
    for batch in batches:
        assert np.array_equal(kept.encode(batch), HASHING.encode(batch))
    assert (kept.id, kept.dim) == (HASHING.id, HASHING.dim)


def test_a_kept_text_is_not_encoded_again_until_others_pushed_it_out() -> None:
    counting = Counting()
    kept = Kept(counting, 2)
    for batch in (["a"], ["a"], ["a", "b"], ["b", "b"], ["c"], ["b"], ["a"]):
        kept.encode(batch)
    assert counting.asked == ["a", "b", "c", "a"]


def test_keeping_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="most must be at least 1, not `0`"):
        Kept(HASHING, 0)
