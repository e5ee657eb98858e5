"""server/lsp/completion.py and tools.py: what is offered at a place, and that the parser takes all of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import following
from server.lsp.completion import complete
from server.lsp.workspace import Workspace

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "completion.yaml").read_text(encoding="utf-8"))
POLICIES = sorted((HERE.parents[1] / "examples" / "agentdojo").glob("*.lw"))


@pytest.mark.parametrize("case", CASES, ids=[case["note"] for case in CASES])
def test_what_is_offered(case: dict[str, Any], point: Callable[..., Any]) -> None:
    at = point(f'language 1\n\nuse tools "bank.tools.json"\n\n{case["text"]}')
    labels = [item.label for item in complete(at.bundle, at.path, at.offset)]
    assert labels[: len(case.get("first", ()))] == case.get("first", [])
    assert set(case.get("has", ())) <= set(labels)
    assert not set(case.get("lacks", ())) & set(labels)
    if case.get("none"):
        assert labels == []


def test_a_begun_word_is_replaced_to_its_end(point: Callable[..., Any]) -> None:
    at = point('language 1\nuse tools "bank.tools.json"\nallow re\u2038ad(...)')
    item = next(item for item in complete(at.bundle, at.path, at.offset) if item.label == "read_file")
    assert at.text[item.start : item.end] == "read"
    assert item.detail == "(path)"


@given(st.data())
def test_the_parser_takes_what_is_offered(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(POLICIES))
    workspace = Workspace()
    bundle = workspace.bundle(path)
    text = bundle.texts[path]
    offset = data.draw(st.integers(0, len(text)))
    for item in complete(bundle, path, offset):
        assert item.start <= offset <= item.end
        written = text[: item.start] + item.label
        stopped = following(written).stopped
        assert stopped is None or stopped >= len(written) - 1, (item, text[max(0, offset - 60) : offset])
