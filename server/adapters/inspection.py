"""inspect_ai: an approver. It approves, changes or rejects each call, and reads in the history what came back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from guardrail import ToolCall as AskedCall
from guardrail import with_floats

from ..tool_gate import ToolAnswer, Withheld
from ..wire import refusal_text
from .answers import as_told

if TYPE_CHECKING:
    from inspect_ai.approval import Approver
    from inspect_ai.model import ChatMessage
    from inspect_ai.tool import ToolCall, ToolCallView

    from ..in_process import Door


def inspect_approver(door: Door) -> Approver:
    """For `eval_async(..., approval=[ApprovalPolicy(inspect_approver(door), "*")])`, in the event loop of the Door.

    The history is inspect_ai's own, so what it says of an answer is observed. It is read before the next call is
    decided; what the policy redacts stays in it, since an approver cannot change it. Samples that run at the same time
    with one Door are one run to the gate.
    """
    from inspect_ai.approval import Approval, approver

    @approver(name="leastward")
    def leastward() -> Approver:
        waiting: dict[str, AskedCall] = {}

        async def approve(message: str, call: ToolCall, view: ToolCallView, history: list[ChatMessage]) -> Approval:
            for said in history:
                if said.role == "tool" and said.tool_call_id in waiting:
                    answer = ToolAnswer(as_told(said.text), "error" if said.error else "ok")
                    await door.answered(waiting.pop(said.tool_call_id), answer)
            # Arguments that inspect_ai itself could not read are no arguments: an unreadable text stands for them.
            arguments: dict[str, Any] | str = "" if call.parse_error else call.arguments
            ruled = await door.decide(call.function, arguments, call_id=call.id)
            if isinstance(ruled, Withheld):
                return Approval(decision="reject", explanation=refusal_text(ruled.refusal, call.function))
            waiting[call.id] = ruled.call
            judged = replace(call, arguments=with_floats(ruled.arguments))
            return Approval(decision="modify", modified=judged, explanation=f"leastward: decision {ruled.decision}")

        return approve

    return leastward()
