"""What the fixture answers: the tools, resources and prompts that the scenarios of the conformance suite name.

Each is a table; `fixture_server` is the interpreter over them. Texts and schemas are those that the suite's own
descriptions of its scenarios ask for (@modelcontextprotocol/conformance 0.2.0-alpha.12).
"""

from __future__ import annotations

from typing import Any, Final

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
"""A PNG of one pixel, base64."""

SILENCE: Final = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
"""A WAV of one sample, base64."""


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def image() -> dict[str, Any]:
    return {"type": "image", "data": PIXEL, "mimeType": "image/png"}


def embedded(uri: str, kind: str, words: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": words}}


def form(message: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sampling(words: str, tokens: int = 100) -> dict[str, Any]:
    messages = [{"role": "user", "content": text(words)}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": tokens}}


ROOTS: Final[dict[str, Any]] = {"method": "roots/list", "params": {}}
STRING: Final[dict[str, Any]] = {"type": "string"}

FIXED: Final[dict[str, list[dict[str, Any]]]] = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [image()],
    "test_audio_content": [{"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}],
    "test_embedded_resource": [
        embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        image(),
        embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ],
    "test_custom_headers": [text("the headers said the same as the body")],
    "json_schema_2020_12_tool": [text("called")],
    "test_logging_tool": [text("nothing was logged")],
}
"""Tools that always answer the same."""

FORMS: Final[dict[str, dict[str, Any]]] = {
    "test_elicitation_sep1034_defaults": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
    "test_elicitation_sep1330_enums": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {
            "type": "string",
            "oneOf": [{"const": f"value{n}", "title": f"{word} Option"} for n, word in ((1, "First"), (2, "Second"))],
        },
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {
            "type": "array",
            "items": {"anyOf": [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2)]},
        },
    },
}
"""Tools that ask the client's user to fill in a form, over a session (2025-11-25)."""

ROUNDS: Final[dict[str, list[dict[str, Any]]]] = {
    "test_input_required_result_elicitation": [{"user_name": form("What is your name?", {"name": STRING})}],
    "test_input_required_result_sampling": [{"capital_question": sampling("What is the capital of France?")}],
    "test_input_required_result_list_roots": [{"client_roots": ROOTS}],
    "test_input_required_result_request_state": [{"confirm": form("Please confirm", {"ok": {"type": "boolean"}})}],
    "test_input_required_result_multiple_inputs": [
        {
            "user_name": form("What is your name?", {"name": STRING}),
            "greeting": sampling("Generate a greeting", 50),
            "client_roots": ROOTS,
        }
    ],
    "test_input_required_result_multi_round": [
        {"step1": form("Step 1: What is your name?", {"name": STRING})},
        {"step2": form("Step 2: What is your favorite color?", {"color": STRING})},
    ],
    "test_input_required_result_tampered_state": [{"confirm": form("Please confirm", {"ok": {"type": "boolean"}})}],
    "test_input_required_result_capabilities": [
        {"elicit_input": form("Anything?", {"value": STRING}), "sample_input": sampling("Anything", 50)}
    ],
    "test_streaming_elicitation": [{"user_name": form("What is your name?", {"name": STRING})}],
}
"""Tools that ask for input before they answer (2026-07-28): what each round asks."""

PROMPT_ROUND: Final[dict[str, Any]] = {"user_context": form("What context should the prompt use?", {"context": STRING})}

ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "test_sampling": {"prompt": STRING},
    "test_elicitation": {"message": STRING},
    "test_custom_headers": {"region": {"type": "string", "x-mcp-header": "Region"}},
}
"""The arguments of those tools that have any."""

SCHEMA_2020_12: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": STRING, "city": STRING},
        }
    },
    "properties": {
        "name": STRING,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": STRING,
        "email": STRING,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}

RESOURCES: Final[dict[str, dict[str, Any]]] = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": PIXEL},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Watched resource content"},
}

PROMPTS: Final[dict[str, tuple[str, ...]]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}
"""The prompts and the arguments each needs."""


def prompt_messages(name: str, given: dict[str, str]) -> list[dict[str, Any]]:
    contents = {
        "test_simple_prompt": [text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [
            text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
        ],
        "test_prompt_with_embedded_resource": [
            embedded(given.get("resourceUri", ""), "text/plain", "Embedded resource content for testing."),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image": [image(), text("Please analyze the image above.")],
        "test_input_required_result_prompt": [text(f"Prompt with context: {given.get('context')}")],
    }
    return [{"role": "user", "content": content} for content in contents[name]]
