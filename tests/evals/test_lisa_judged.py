"""evals/lisa/methods/judged.py: the real litellm against a scripted server that speaks the OpenAI API. Skipped without
litellm (extra `llm`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evals.lisa.methods import AskedModel
from evals.lisa.methods.judged import EFFECT

pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own, which change with every release


def test_an_answer_is_the_schemas_or_nothing(worded: Callable[..., Any]) -> None:
    scripted = worded('{"effect": "allow"}', "Sure!", '{"effect": "allow", "more": 1}', 500)
    model = AskedModel("openai/scripted", scripted.url, timeout=20)
    assert model("Decide.", {"call": "x"}, EFFECT) == {"effect": "allow"}
    assert model("Decide.", {"call": "x"}, EFFECT) is None
    assert model("Decide.", {"call": "x"}, EFFECT) is None
    assert model("Decide.", {"call": "x"}, EFFECT) is None
    first = scripted.requests[0]
    assert first["messages"] == [
        {"role": "system", "content": "Decide."},
        {"role": "user", "content": '{"call": "x"}'},
    ]
    assert first["response_format"]["json_schema"]["strict"] is True
