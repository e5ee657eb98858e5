"""training/prompting.py: what each view shows, and the form that comes back."""

from __future__ import annotations

import pytest

from training import Data, DataError, completion, prompt
from training.prompting import View, parts, retrieve, system


def test_each_view_shows_what_it_says_and_no_more(data: Data) -> None:
    example = data.train[0]
    shown = {view: prompt(example, data, view) for view in _VIEWS}
    document = data.documents[example.policy]
    assert document in shown["document"]
    assert all(document not in shown[view] for view in ("identifier", "rule", "none"))
    assert example.policy not in shown["none"]
    sentences = data.rules[example.policy].values()
    assert sum(sentence in shown["rule"] for sentence in sentences) == 2
    assert not any(sentence in shown["identifier"] for sentence in sentences)


_VIEWS: tuple[View, ...] = ("identifier", "document", "rule", "none")


@pytest.mark.parametrize("view", _VIEWS)
def test_only_the_system_message_depends_on_the_view(data: Data, view: View) -> None:
    example = data.train[0]
    rest = prompt(example, data, view).removeprefix(system(example, data, view))
    assert rest == f"<|im_start|>user\n{example.question}<|im_end|>\n<|im_start|>assistant\n"


def test_a_policy_without_a_document_is_told(data: Data) -> None:
    empty = Data(documents={}, rules={}, train=[], test=[], corpus=[], manifest={})
    for view in ("document", "rule"):
        with pytest.raises(DataError, match="the data has no"):
            prompt(data.train[0], empty, view)


def test_a_completion_comes_apart_as_it_was_put_together(data: Data) -> None:
    for example in data.train[:20]:
        assert parts(completion(example)) == (example.thought, example.answer)


@pytest.mark.parametrize(
    "text", ["", "{}", "x<think>a</think>b", "<think>a", "<think>a</think>b</think>c", "<think><think></think>"]
)
def test_any_other_form_is_none(text: str) -> None:
    assert parts(text) is None


def test_retrieval_prefers_rare_words_and_breaks_ties_by_id() -> None:
    rules = {"b": "call ship when count is low", "a": "call ship when amount is low", "c": "call ship"}
    assert retrieve("ship amount 5", rules, 1) == [rules["a"]]
    assert retrieve("nothing here", {"b": "x", "a": "y"}, 2) == ["y", "x"]
