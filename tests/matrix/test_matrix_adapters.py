"""Every adapter for an agent framework by every effect, each over a gate of its own with the real library: what the
tool was run with, and what the agent was told. `make test-adapters` plays all rows and compares the table; `make test`
only finds an adapter without a row.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from guardrail import Principal
from server import adapters
from server.in_process import Door, open_gate

# litellm's own types, and streams of anyio that inspect_ai leaves to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Item 'summary' on TypedDict class:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed <MemoryObject:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SECRET, HARMLESS, ANSWER = "s3cret-in-the-arguments", "harmless-by-policy", "the-answer-of-the-tool"
EFFECTS = {
    "allow": ("pay_ann", "allow"),
    "rewrite": ("change_sum", "allow"),
    "ask": ("ask_first", "ask"),
    "forbid": ("drop_table", "forbid"),
    "no rule": ("nobody_named_it", "forbid"),
}
"""By column: the tool, and the effect that its Record has."""

POLICY = f"""language 1
allow pay_ann(...)
allow change_sum(...)
rewrite change_sum set to = "{HARMLESS}"
ask ask_first(...)
forbid drop_table message "Never."
"""
CODES = ("needs-approval", "no-rule", "rule")


class Played(NamedTuple):
    """The arguments that the tool was run with, None where it was not, and every text that the agent was given."""

    ran: dict[str, Any] | None
    told: str


Play = Callable[[Door, str, Any], Awaitable[Played]]


def tool_of(name: str, ran: list[dict[str, Any]]) -> Callable[[str], str]:
    def tool(to: str) -> str:
        ran.append({"to": to})
        return ANSWER

    tool.__name__ = tool.__qualname__ = name
    tool.__doc__ = "Does it."
    return tool


def played(ran: list[dict[str, Any]], told: Any) -> Played:
    assert len(ran) <= 1
    return Played(ran[0] if ran else None, str(told))


# --- the frameworks ---------------------------------------------------------------------------------------------------


async def langchain(door: Door, name: str, outside: Any) -> Played:
    from langchain.agents import create_agent
    from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.tools import StructuredTool

    class Scripted(FakeMessagesListChatModel):
        def bind_tools(self, tools: Any, **given: Any) -> Any:
            return self

    ran: list[dict[str, Any]] = []
    call: Any = {"name": name, "args": {"to": SECRET}, "id": "call_1", "type": "tool_call"}
    model = Scripted(responses=[AIMessage("", tool_calls=[call]), AIMessage("done")])
    tools = [StructuredTool.from_function(tool_of(name, ran))]
    agent = create_agent(model, tools, middleware=[adapters.langchain_middleware(door)])
    answer = await agent.ainvoke({"messages": [("user", "go on")]})
    return played(ran, [one.content for one in answer["messages"] if one.type == "tool"])


async def openai_agents(door: Door, name: str, outside: Any) -> Played:
    from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage, function_tool
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    text = ResponseOutputText(text="done", type="output_text", annotations=[])
    said: list[Any] = [
        ResponseFunctionToolCall(name=name, arguments=json.dumps({"to": SECRET}), call_id="c", type="function_call"),
        ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message"),
    ]

    class Scripted(Model):
        async def get_response(self, *args: Any, **given: Any) -> ModelResponse:
            return ModelResponse([said.pop(0)], Usage(), None)

        def stream_response(self, *args: Any, **given: Any) -> Any:
            raise NotImplementedError

    ran: list[dict[str, Any]] = []
    agent = Agent("a", tools=list(adapters.openai_tools(door, [function_tool(tool_of(name, ran))])), model=Scripted())
    result = await Runner.run(agent, "go on", run_config=RunConfig(tracing_disabled=True))
    return played(ran, [item.output for item in result.new_items if item.type == "tool_call_output_item"])


def _pydantic(agent_of: Callable[[Any, Door, Any], Any]) -> Play:
    async def play(door: Door, name: str, outside: Any) -> Played:
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models.function import FunctionModel

        parts: list[Any] = [ToolCallPart(name, {"to": SECRET}), TextPart("done")]
        ran: list[dict[str, Any]] = []
        model = FunctionModel(lambda messages, info: ModelResponse([parts.pop(0)]))
        result = await agent_of(model, door, tool_of(name, ran)).run("go on")
        said = [part for message in result.all_messages() for part in message.parts]
        return played(ran, [one.content for one in said if one.part_kind in ("tool-return", "retry-prompt")])

    return play


def _of_toolset(model: Any, door: Door, tool: Any) -> Any:
    from pydantic_ai import Agent
    from pydantic_ai.toolsets import FunctionToolset

    return Agent(model, toolsets=[adapters.pydantic_toolset(door, FunctionToolset([tool]))])


def _of_capability(model: Any, door: Door, tool: Any) -> Any:
    from pydantic_ai import Agent

    return Agent(model, tools=[tool], capabilities=[adapters.pydantic_capability(door)])


async def claude_hook(door: Door, name: str, outside: Any) -> Played:
    (matcher,) = adapters.claude_hooks(door, allows=True)["PreToolUse"]
    event = {"hook_event_name": "PreToolUse", "tool_name": name, "tool_input": {"to": SECRET}, "tool_use_id": "t"}
    ruled = (await matcher.hooks[0](event, "t", {}))["hookSpecificOutput"]
    allowed = ruled["permissionDecision"] == "allow"
    return Played(ruled.get("updatedInput", {"to": SECRET}) if allowed else None, json.dumps(ruled))


async def claude_permission(door: Door, name: str, outside: Any) -> Played:
    from claude_agent_sdk import PermissionResultAllow, ToolPermissionContext

    context = ToolPermissionContext(tool_use_id="t")
    ruled = await adapters.claude_permission(door)(name, {"to": SECRET}, context)
    if isinstance(ruled, PermissionResultAllow):
        return Played(ruled.updated_input, "")
    return Played(None, ruled.message)


async def inspection(door: Door, name: str, outside: Any) -> Played:
    from inspect_ai.tool import ToolCall, ToolCallView

    call = ToolCall(id="call_1", function=name, arguments={"to": SECRET})
    approval = await adapters.inspect_approver(door)("", call, ToolCallView(), [])
    ran = None if approval.modified is None else approval.modified.arguments
    return Played(ran if approval.decision == "modify" else None, str(approval.explanation))


def _litellm(*, stream: bool) -> Play:
    async def play(door: Door, name: str, outside: Any) -> Played:
        import litellm

        key = SimpleNamespace(team_id="t", org_id=None, key_alias="a", token="hash", user_id=None)
        guardrail = adapters.litellm_guardrail(lambda _: door)(guardrail_name="leastward")
        with contextlib.closing(outside.model()) as model:
            model.script.append(outside.saying({"calls": [[name, json.dumps({"to": SECRET})]]}))
            data: dict[str, Any] = {"model": "openai/m", "messages": [{"role": "user", "content": "x"}]}
            data["stream"] = stream
            await guardrail.async_pre_call_hook(key, None, data, "acompletion")
            url = f"http://127.0.0.1:{model.port}/v1"
            response: Any = await litellm.acompletion(**data, api_base=url, api_key="scripted")
            if stream:
                parts = guardrail.async_post_call_streaming_iterator_hook(key, response, data)
                trees = [one.model_dump(exclude_none=True) async for one in parts]
            else:
                trees = [(await guardrail.async_post_call_success_hook(data, key, response)).model_dump()]
        said = [choice.get("delta") or choice.get("message") or {} for tree in trees for choice in tree["choices"]]
        calls = [call["function"] for one in said for call in one.get("tool_calls") or ()]
        assert [call["name"] for call in calls] in ([], [name])
        text = "".join(one.get("content") or "" for one in said)
        return Played(json.loads(calls[0]["arguments"]) if calls else None, text)

    return play


class Row(NamedTuple):
    adapter: str
    form: str
    library: str


ROWS: Mapping[Row, Play] = {
    Row("langchain_middleware", "`create_agent`", "langchain"): langchain,
    Row("openai_tools", "`Runner.run`", "agents"): openai_agents,
    Row("pydantic_toolset", "`Agent.run`", "pydantic_ai"): _pydantic(_of_toolset),
    Row("pydantic_capability", "`Agent.run`", "pydantic_ai"): _pydantic(_of_capability),
    Row("claude_hooks", "`PreToolUse`", "claude_agent_sdk"): claude_hook,
    Row("claude_permission", "`can_use_tool`", "claude_agent_sdk"): claude_permission,
    Row("inspect_approver", "`Approver`", "inspect_ai"): inspection,
    Row("litellm_guardrail", "`tool_calls`, whole", "litellm"): _litellm(stream=False),
    Row("litellm_guardrail", "`tool_calls`, streamed", "litellm"): _litellm(stream=True),
}


def test_every_adapter_has_a_row() -> None:
    assert {row.adapter for row in ROWS} == set(adapters.__all__) - {"Unguardable"}


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[Row, str], str]:
    return {}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a price list from the network
    (tmp_path / "gate.lw").write_text(POLICY, encoding="utf-8")
    (tmp_path / "leastward.yaml").write_text("policies: ['*.lw']\ndatabase: gate.db\n", encoding="utf-8")
    yield tmp_path / "leastward.yaml"
    gc.collect()  # here, where a framework's streams may be unclosed, and not in another test


@pytest.mark.long  # each framework takes seconds to be imported
@pytest.mark.parametrize("column", EFFECTS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.adapter} {row.form}")
def test_only_what_was_released_is_run_by_a_framework(
    config: Path, outside: Any, outcomes: dict[tuple[Row, str], str], row: Row, column: str
) -> None:
    if find_spec(row.library) is None:
        pytest.skip(f"`{row.library}` is not installed (docs/adapters.md names the extras)")
    name, effect = EFFECTS[column]

    async def opened() -> Played:
        async with open_gate(config, Principal("t", "a")) as door:
            return await ROWS[row](door, name, outside)

    got = asyncio.run(opened())
    record = [one for one in outside.read_records(config.parent / "gate.db") if one["kind"] == "decision"]
    assert [one["effect"] for one in record] == [effect]
    value = {"allow": SECRET, "rewrite": HARMLESS}.get(column)
    assert got.ran == (None if value is None else {"to": value})
    if value is None:
        assert SECRET not in got.told
        assert ANSWER not in got.told
        code = next(code for code in CODES if f"{code}." in got.told)
        outcomes[row, column] = code
    else:
        outcomes[row, column] = "released" if column == "allow" else "released as rewritten"


@pytest.mark.long
def test_the_page_has_the_adapters(outcomes: dict[tuple[Row, str], str], page: Callable[..., None]) -> None:
    if len(outcomes) < len(ROWS) * len(EFFECTS):
        pytest.skip("not every framework is installed here")
    shown = [[f"`{row.adapter}`", row.form, *(outcomes[row, column] for column in EFFECTS)] for row in ROWS]
    page("adapters", ["adapter", "form of call", *EFFECTS], shown)
