"""server/settings_approvals.py: what the settings refuse, and that no message repeats a secret."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from server.approvals import Bounds
from server.settings_approvals import ApprovalSettings

SECRET = "a secret of thirty-two characters"


def test_what_is_set_is_what_the_queue_takes() -> None:
    plain = ApprovalSettings().bounds()
    assert plain == Bounds(wait_seconds=0.0)
    chosen = ApprovalSettings(roles=["b", "a", "b"], state_key="ab" * 32, pending_seconds=60)  # type: ignore[arg-type]
    assert chosen.bounds().roles == ("a", "b")
    assert chosen.bounds().state_key == b"\xab" * 32
    assert "abab" not in repr(chosen)
    assert ApprovalSettings().webhook.address() is None
    hooked = ApprovalSettings.model_validate({"webhook": {"url": "https://a.example/x", "secret": SECRET}})
    address = hooked.webhook.address()
    assert address is not None
    assert (address.url, address.secret) == ("https://a.example/x", SECRET.encode())


@pytest.mark.parametrize(
    "tree",
    [
        {"state_key": "ab" * 31},
        {"state_key": "zz" * 32},
        {"pending_seconds": 0},
        {"unknown": 1},
        {"webhook": {"url": "https://a.example/x"}},
        {"webhook": {"url": "https://a.example/x", "secret": "short"}},
        {"webhook": {"url": "http://a.example/x", "secret": SECRET}},
        {"webhook": {"url": "https://u:p@a.example/x", "secret": SECRET}},
        {"webhook": {"url": "https://a.example/x?y=1", "secret": SECRET}},
        {"webhook": {"url": "https://a.example", "secret": SECRET}},
    ],
)
def test_what_is_refused(tree: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        ApprovalSettings.model_validate(tree)
    assert SECRET not in str(refused.value)
    assert "zz" * 32 not in str(refused.value)
