"""server/wire/request_names.py: members whose names are known ones written otherwise."""

from __future__ import annotations

import pytest

from server.wire import MalformedRequest
from server.wire.request_names import check_name

KNOWN = frozenset({"tools", "tool_choice"})


@pytest.mark.parametrize("name", ["Tools", "TOOLS", " tools", "tools ", "\uff54ools", "tool\u017f", "Tool_Choice"])
def test_a_known_name_written_otherwise_is_refused(name: str) -> None:
    with pytest.raises(MalformedRequest):
        check_name(name, KNOWN)


@pytest.mark.parametrize("name", ["tools", "tool", "Metadata", "x-tools", ""])
def test_other_names_pass(name: str) -> None:
    check_name(name, KNOWN)
