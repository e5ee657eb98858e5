"""Tools that Anthropic types and the client runs: their names, and the schemas of their inputs.

A request declares them by a dated type alone, so what the gate compares with the catalogue stands here, written down
from the API's tool reference (bash, text editor, memory, computer use). Their calls are `tool_use` blocks like those of
any function, and are judged as such. A type that is not in the table is dropped: nobody could say what its calls hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_TEXT: Final = {"type": "string"}
_PLACE: Final = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
_NUMBER: Final = {"type": "integer"}


class ClientTool(NamedTuple):
    """The name that the API fixes, and the JSON Schema of the input."""

    name: str
    schema: dict[str, Any]


def _closed(needed: tuple[str, ...], **members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(needed), "additionalProperties": False}


def _editor(*commands: str) -> dict[str, Any]:
    return _closed(
        ("command", "path"),
        command={"type": "string", "enum": list(commands)},
        path=_TEXT,
        file_text=_TEXT,
        old_str=_TEXT,
        new_str=_TEXT,
        insert_line=_NUMBER,
        insert_text=_TEXT,
        view_range=_PLACE,
    )


_BASH: Final = _closed((), command=_TEXT, restart={"type": "boolean"})
_EDITOR: Final = _editor("view", "create", "str_replace", "insert")
_MEMORY: Final = _closed(
    ("command",),
    command={"type": "string", "enum": ["view", "create", "str_replace", "insert", "delete", "rename"]},
    path=_TEXT,
    file_text=_TEXT,
    old_str=_TEXT,
    new_str=_TEXT,
    insert_line=_NUMBER,
    insert_text=_TEXT,
    view_range=_PLACE,
    old_path=_TEXT,
    new_path=_TEXT,
)
_SCREEN: Final[Mapping[str, Any]] = {
    "action": _TEXT,
    "coordinate": _PLACE,
    "start_coordinate": _PLACE,
    "text": _TEXT,
    "duration": {"type": "number"},
    "scroll_direction": {"type": "string", "enum": ["up", "down", "left", "right"]},
    "scroll_amount": _NUMBER,
}
_REGION: Final = {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}

CLIENT_TOOLS: Final[Mapping[str, ClientTool]] = {
    "bash_20250124": ClientTool("bash", _BASH),
    "computer_20250124": ClientTool("computer", _closed(("action",), **_SCREEN)),
    "computer_20251124": ClientTool("computer", _closed(("action",), **_SCREEN, region=_REGION)),
    "memory_20250818": ClientTool("memory", _MEMORY),
    "text_editor_20250124": ClientTool(
        "str_replace_editor", _editor("view", "create", "str_replace", "insert", "undo_edit")
    ),
    "text_editor_20250429": ClientTool("str_replace_based_edit_tool", _EDITOR),
    "text_editor_20250728": ClientTool("str_replace_based_edit_tool", _EDITOR),
}
"""By the type in a request."""
