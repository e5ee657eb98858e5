"""What is read of a Messages request (request.py, offers.py): members, offers, choices, the user's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.wire import MalformedRequest, ModelRequest, Offer
from server.wire.messages import MESSAGES

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("requests.yaml").read_text(encoding="utf-8")
)
USER = {"role": "user", "content": "Hi"}


def sent(request: ModelRequest) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(request.encode())
    return tree


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["case"])
def test_a_request_that_is_refused(case: dict[str, Any], asking: Callable[..., bytes]) -> None:
    body = case["raw"].encode() if "raw" in case else asking(*case.get("messages", [USER]), **case.get("more", {}))
    with pytest.raises(MalformedRequest) as refused:
        MESSAGES.request(body).keeping(lambda offer: offer.name in case.get("keep", ()))
    assert refused.value.code == case.get("code", "malformed-request")
    assert refused.value.status_hint == case.get("status", 400)


@pytest.mark.parametrize("case", CASES["kept"], ids=lambda case: case["case"])
def test_what_is_kept_of_a_request(case: dict[str, Any], asking: Callable[..., bytes]) -> None:
    request = MESSAGES.request(asking(USER, **case["more"]))
    assert [f"{offer.kind} {offer.name} {offer.place}" for offer in request.offers] == case["offers"]
    left = request.keeping(lambda offer: offer.name in case["keep"])
    tree = sent(left)
    assert {name: value for name, value in tree.items() if name not in ("messages", "model", "max_tokens")} == case[
        "sent"
    ]
    assert [offer.name for offer in left.offers] == case["keep"]


def test_what_is_kept_whole_is_not_printed_again(asking: Callable[..., bytes]) -> None:
    body = asking(USER, tools=[{"name": "f", "input_schema": {"type": "object"}}], metadata={"user_id": "u"})
    request = MESSAGES.request(body)
    assert request.keeping(lambda offer: True) is request
    assert request.with_refusals([]) is request
    assert request.encode() == MESSAGES.request(request.encode()).encode()
    assert request.offers[0] == Offer(
        "function", "f", {"type": "object"}, "tools[0]", {"name": "f", "input_schema": {"type": "object"}}
    )


def test_the_users_words_are_neither_results_nor_documents_nor_system(asking: Callable[..., bytes]) -> None:
    request = MESSAGES.request(
        asking(
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "system", "content": "three"},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "four"}]},
                    {"type": "document", "title": "five", "source": {"type": "text", "data": "six"}},
                    {"type": "text", "text": "seven"},
                ],
            },
            system=[{"type": "text", "text": "eight"}],
            stream=True,
        )
    )
    assert request.user_words() == ("one", "seven")
    assert request.stream
    assert request.model == "m"
