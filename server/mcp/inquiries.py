"""What an MCP server may ask of a client, and the answers: each kind with how it is read and what it is decided as.

A question is a server's text on its way to a person or a model: its members are known ones, it is bounded, it is told
to the Session like the result of a tool, and one with characters that a person cannot see is refused. An answer goes
the way that arguments go, from the client to the server, so it is decided like a call: as the tool that stands for its
kind, with the words of the question beside it.

    elicitation/create        a form for the client's user          server/elicitation.create(message, action, content)
    sampling/createMessage    a text of the client's own model      server/sampling.create(prompt, role, content, model)
    roots/list                the folders that the client works in  server/roots.list(roots)

Not taken: forms by URL (the page that a person is sent to is nobody's to judge), sampling with tools or with the
context of other servers (`includeContext`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from guardrail import ToolCall
from policy_dsl import strict_json

from ..judging import ResultScan
from .results import ResultError, read_block

MOST_AT_ONCE: Final = 16
MOST_MESSAGE: Final = 8_000
"""Characters of what a person is shown; MCP names no bound. What is longer hides its end below the edge of a window."""

MOST_BYTES: Final = 65_536
"""Of one question or one answer, as JSON."""

MOST_KEY: Final = 128

_UNSEEN: Final = ResultScan(("hidden",))

_FIELD: Final = frozenset(
    {
        "anyOf",
        "const",
        "default",
        "description",
        "enum",
        "enumNames",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "pattern",
        "title",
        "type",
    }
)
_FIELD_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array"})


class Inquiry(NamedTuple):
    """One question of a server, of known members. `key` is the server's name for it among those of one result."""

    key: str
    method: str
    params: dict[str, Any]

    @property
    def tree(self) -> dict[str, Any]:
        return {"method": self.method, "params": self.params}


class Kind(NamedTuple):
    """`capability` is what a client has that can be asked; `tool` is what an answer is decided as; `said` are the words
    of a question, under the name that rules know them by."""

    capability: str
    tool: str
    claim: Mapping[str, Any]
    question: Callable[[Mapping[str, Any]], dict[str, Any]]
    answer: Callable[[Mapping[str, Any]], dict[str, Any]]
    said: Callable[[Mapping[str, Any]], dict[str, str]]


def _refused(why: str) -> ResultError:
    return ResultError(f"the server asks what the gate does not pass on: {why}")


# --- a form -----------------------------------------------------------------------------------------------------------


def _form(params: Mapping[str, Any]) -> dict[str, Any]:
    message, schema = params.get("message"), params.get("requestedSchema")
    if params.get("mode", "form") != "form":
        raise _refused("only forms are taken")
    if not isinstance(message, str) or len(message) > MOST_MESSAGE:
        raise _refused(f"`message` is a text of at most {MOST_MESSAGE} characters")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise _refused("a form is described by an object of plain fields")
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, dict) or not all(map(_is_field, properties.values())):
        raise _refused("a form has fields of text, number, yes and no, or a choice")
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise _refused("`required` is a list of names")
    kept = {"type": "object", "properties": properties, "required": required}
    return {"mode": "form", "message": message, "requestedSchema": kept}


def _is_field(field: Any) -> bool:
    return isinstance(field, dict) and field.keys() <= _FIELD and field.get("type") in _FIELD_TYPES


def _filled(answer: Mapping[str, Any]) -> dict[str, Any]:
    action, content = answer.get("action"), answer.get("content")
    if action not in ("accept", "decline", "cancel"):
        raise ResultError("`action` is `accept`, `decline` or `cancel`")
    if content is None:
        return {"action": action}
    if not isinstance(content, dict) or not all(map(_is_plain, content.values())):
        raise ResultError("`content` is an object of plain values")
    return {"action": action, "content": content}


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict) and (not isinstance(value, list) or all(isinstance(one, str) for one in value))


# --- a text of the client's model -------------------------------------------------------------------------------------

_SAMPLED: Final[Mapping[str, Callable[[Any], bool]]] = {
    "maxTokens": lambda value: type(value) is int and value > 0,
    "systemPrompt": lambda value: isinstance(value, str),
    "temperature": lambda value: not isinstance(value, bool | str | list | dict),
    "stopSequences": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "modelPreferences": lambda value: isinstance(value, dict),
}


def _sampling(params: Mapping[str, Any]) -> dict[str, Any]:
    if params.get("includeContext", "none") != "none" or "tools" in params or "toolChoice" in params:
        raise _refused("sampling is without tools, and without the context of other servers")
    messages = params.get("messages")
    if not isinstance(messages, list) or params.get("maxTokens") is None:
        raise _refused("sampling has `messages` and `maxTokens`")
    kept: dict[str, Any] = {"messages": [_message(message) for message in messages]}
    for name, fits in _SAMPLED.items():
        if params.get(name) is not None:
            if not fits(params[name]):
                raise _refused(f"`{name}` is not what it should be")
            kept[name] = params[name]
    return kept


def _message(message: Any) -> dict[str, Any]:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in ("user", "assistant"):
        raise _refused("a message of a role that the gate does not know")
    content = message.get("content")
    blocks = content if isinstance(content, list) else [content]
    read = [read_block(block) for block in blocks]
    return {"role": role, "content": read if isinstance(content, list) else read[0]}


def _sampled(answer: Mapping[str, Any]) -> dict[str, Any]:
    model, stop = answer.get("model"), answer.get("stopReason")
    if not isinstance(model, str) or not isinstance(stop, str | None):
        raise ResultError("a sampled message has a `model`")
    kept = {**_message(answer), "model": model}
    return kept if stop is None else {**kept, "stopReason": stop}


def _prompt(params: Mapping[str, Any]) -> dict[str, str]:
    texts = [params["systemPrompt"]] if "systemPrompt" in params else []
    for message in params["messages"]:
        content = message["content"]
        texts.extend(block.get("text", "") for block in (content if isinstance(content, list) else [content]))
    return {"prompt": "\n".join(texts)}


# --- the folders of the client ----------------------------------------------------------------------------------------


def _roots(answer: Mapping[str, Any]) -> dict[str, Any]:
    roots = answer.get("roots")
    if not isinstance(roots, list) or len(roots) > 1_000:
        raise ResultError("`roots` is a list")
    return {"roots": [_root(root) for root in roots]}


def _root(root: Any) -> dict[str, str]:
    kept = {name: root[name] for name in ("uri", "name") if name in root} if isinstance(root, dict) else {}
    if "uri" not in kept or not all(isinstance(value, str) for value in kept.values()):
        raise ResultError("a root has a `uri`")
    return kept


KINDS: Final[Mapping[str, Kind]] = {
    "elicitation/create": Kind(
        "elicitation", "elicitation.create", {"form": {}}, _form, _filled, lambda params: {"message": params["message"]}
    ),
    "sampling/createMessage": Kind("sampling", "sampling.create", {}, _sampling, _sampled, _prompt),
    "roots/list": Kind("roots", "roots.list", {}, lambda _: {}, _roots, lambda _: {}),
}


def claims(passed: frozenset[str], capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """The capabilities that the gate claims towards a server for one client: those that the server's settings pass on
    and that the client has itself."""
    found: dict[str, Any] = {}
    for kind in KINDS.values():
        has = capabilities.get(kind.capability)
        is_form = kind.capability != "elicitation" or (isinstance(has, dict) and ("form" in has or "url" not in has))
        if kind.capability in passed and isinstance(has, dict) and is_form:
            found[kind.capability] = dict(kind.claim)
    return found


def read_inquiry(key: str, method: Any, params: Any, claimed: Mapping[str, Any]) -> Inquiry:
    """One question of known members. Raises ResultError for one that nobody claimed to be able to answer."""
    kind = KINDS.get(method) if isinstance(method, str) else None
    if kind is None or kind.capability not in claimed:
        raise _refused("the gate claimed no such capability")
    if not isinstance(params, dict) or len(strict_json.encode(params)) > MOST_BYTES:
        raise _refused(f"a question is an object of at most {MOST_BYTES} bytes")
    if _UNSEEN.codes(params):
        raise _refused("it holds characters that a person does not see")
    return Inquiry(key, method, kind.question(params))


def read_inquiries(tree: Any, claimed: Mapping[str, Any]) -> list[Inquiry]:
    """The `inputRequests` of a result. Raises ResultError."""
    if tree is None:
        return []
    if not isinstance(tree, dict) or len(tree) > MOST_AT_ONCE:
        raise _refused(f"at most {MOST_AT_ONCE} questions at once")
    found = []
    for key, one in tree.items():
        if len(key) > MOST_KEY or not isinstance(one, dict):
            raise _refused("a question is an object with a short name")
        found.append(read_inquiry(key, one.get("method"), one.get("params", {}), claimed))
    return found


def read_answer(method: str, answer: Any) -> dict[str, Any]:
    """The known members of an answer to a question of `method`. Raises ResultError, which repeats nothing of it."""
    if not isinstance(answer, dict) or len(strict_json.encode(answer)) > MOST_BYTES:
        raise ResultError(f"an answer is an object of at most {MOST_BYTES} bytes")
    return KINDS[method].answer(answer)


def answer_call(server: str, method: str, said: Mapping[str, str], answer: Any) -> ToolCall:
    """What an answer is decided as, beside the words of its question. Raises ResultError."""
    return ToolCall(KINDS[method].tool, {**said, **read_answer(method, answer)}, "", server)


def method_of(answer: Any) -> str:
    """What an answer answers whose question the gate does not know, by its members. Raises ResultError."""
    for member, method in (
        ("action", "elicitation/create"),
        ("roots", "roots/list"),
        ("role", "sampling/createMessage"),
    ):
        if isinstance(answer, dict) and member in answer:
            return method
    raise ResultError("an answer to no question that MCP has")


def shown(server: str, inquiry: Inquiry) -> dict[str, Any]:
    """The question as a client gets it: a person who is asked is told by whom."""
    if inquiry.method != "elicitation/create":
        return inquiry.tree
    message = f"The MCP server `{server}` asks: {inquiry.params['message']}"
    return {"method": inquiry.method, "params": {**inquiry.params, "message": message}}
