"""The gate inside agent frameworks: one thin layer for each over server.in_process.Door.

Adapter      what makes a framework ask a Door before it runs a tool; it imports its framework when it is made
Unguardable  a tool that the framework would run where the adapter cannot see it
wrapping     the adapter runs the tool through the Door: the arguments are those that were judged, the answer is seen
             and redacted (LangChain and LangGraph, OpenAI Agents SDK, pydantic-ai)
asked        the framework asks, runs the tool itself, and tells what came back (Claude Agent SDK, inspect_ai, LiteLLM)

Flow: the framework's call -> its arguments as strict JSON -> the Door decides and records -> the tool with the judged
arguments, or a text for the model in place of its answer -> the Door learns what came back -> the framework's own form.

An agent goes on after a refusal, which is an answer like another to it. Where the gate itself fails the tool is not run
and the error goes to the framework, or is a refusal where the framework would take an error for a yes.
"""

from __future__ import annotations

from .answers import Unguardable
from .claude import claude_hooks, claude_permission
from .inspection import inspect_approver
from .langchain import langchain_middleware
from .litellm import litellm_guardrail
from .openai_agents import openai_tools
from .pydantic_ai import pydantic_capability, pydantic_toolset

__all__ = [
    "Unguardable",
    "claude_hooks",
    "claude_permission",
    "inspect_approver",
    "langchain_middleware",
    "litellm_guardrail",
    "openai_tools",
    "pydantic_capability",
    "pydantic_toolset",
]
