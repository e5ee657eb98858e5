"""What the tests of server/propose share: tools, an operator's policy over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy_dsl import Catalogue, PolicySet, parse, policy_set

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def _tool(name: str, required: int, **properties: dict[str, object]) -> dict[str, object]:
    return {
        "name": name,
        "description": name.replace("_", " "),
        "inputSchema": {"type": "object", "properties": properties, "required": list(properties)[:required]},
    }


TOOLS = [
    _tool("get_balance", 0),
    _tool("search_mail", 1, query=TEXT),
    _tool("send_money", 3, recipient=TEXT | {"description": "IBAN of the recipient"}, amount=NUMBER, subject=TEXT),
    _tool(
        "send_email",
        2,
        recipients={"type": "array", "items": TEXT, "description": "email addresses of the recipients"},
        body=TEXT,
        cc={"anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}], "description": "email addresses"},
    ),
    _tool(
        "create_event",
        2,
        title=TEXT,
        start=TEXT | {"description": "YYYY-MM-DD HH:MM"},
        end=TEXT | {"description": "YYYY-MM-DD HH:MM"},
    ),
    _tool("delete_file", 1, file_id=TEXT),
    _tool("create_file", 2, filename=TEXT, content=TEXT),
    _tool("share_file", 2, file_id=TEXT, permission={"enum": ["r", "rw"]}),
]

POLICY = """\
language 1
allow { get_*, search_* }(...) as look
allow send_money(recipient, amount, subject) as pay when amount <= 1_000
allow send_email(recipients, body, cc?) as mailing
allow create_event(...) as event
allow create_file(...) as create
ask delete_file(...) as delete
allow share_file(...) as share
"""


@pytest.fixture(scope="session")
def tools() -> Catalogue:
    return Catalogue.from_tools(TOOLS)


@pytest.fixture(scope="session")
def ceiling(tools: Catalogue) -> PolicySet:
    return policy_set([parse(POLICY, str(Path("ceiling.lw")))], tools)
