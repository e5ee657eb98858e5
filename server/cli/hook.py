"""`leastward hook`: decide what a coding agent is about to do, as its PreToolUse hook."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..hook import Hook
    from ..wiring import House

BLOCK: Final = 2
"""The exit code with which hosts refuse the call and show standard error to the model, whatever stands elsewhere."""

LOCK_SECONDS: Final = 20.0
"""How long an event waits for another one's process: hosts run several tools at a time."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "hook",
        help="decide the tool calls of a coding agent, as its hook",
        description="Read one event of a coding agent's hook (Claude Code, Codex) on standard input and write its "
        "answer. Whatever goes wrong refuses the call: exit code 2.",
    )
    parser.add_argument("-c", "--config", metavar="FILE", default="leastward.yaml", help="the gate's configuration")
    parser.add_argument("--tenant", default="local", help="the tenant that the agent acts for")
    parser.add_argument("--agent", default="coding-agent", help="the agent, as policies name it")
    parser.add_argument("--user", help="the user that it acts for; who is logged in if not given")
    parser.add_argument("--role", action="append", default=[], dest="roles", metavar="ROLE", help="a role of that user")
    parser.add_argument(
        "--speaks-for-user",
        action="store_true",
        help="prompts that the host reports are the user's own words, which `from user` then trusts",
    )
    parser.add_argument(
        "--allow", action="store_true", help="say allow where the policy does, past the host's own permission rules"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..hook import BadEvent, read_event
    from ..policies import PoliciesError
    from ..settings import SettingsError
    from .output import write_json

    try:
        event = read_event(sys.stdin.buffer.read())
        write_json(asyncio.run(_answered(options, event)))
    except (BadEvent, SettingsError) as error:
        return _blocked(str(error))
    except PoliciesError:  # rendered with lines of the policy, which the model is not to read
        return _blocked(f"the policy does not load: `leastward doctor -c {options.config}` says why")
    except Exception as error:
        return _blocked(getattr(error, "message", None) or "the gate failed; nothing was released")
    return 0


async def _answered(options: argparse.Namespace, event: dict[str, Any]) -> dict[str, Any]:
    from pathlib import Path

    from guardrail import Principal

    from ..exchange import Caller, Scope
    from ..hook import DOOR, Hook
    from ..settings import load_settings
    from ..wiring import build

    config = Path(options.config)
    house = build(load_settings(config), config.parent)
    user = options.user or getpass.getuser()
    principal = Principal(options.tenant, options.agent, user, frozenset(options.roles))
    caller = Caller(principal, frozenset({Scope.CALL}), DOOR, options.speaks_for_user)
    hook = Hook(house.tools, caller, house.store.default_run(principal), allows=options.allow)
    return await _in_turn(house, hook, event)


async def _in_turn(house: House, hook: Hook, event: dict[str, Any]) -> dict[str, Any]:
    """Answer while this process is the one that writes the database. Raises StoreError where it never became that."""
    from ..store import StoreLocked

    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            async with house.running():
                return await hook.answer(event)
        except StoreLocked:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.05)


def _blocked(why: str) -> int:
    print(f"leastward: {why}", file=sys.stderr)
    return BLOCK
