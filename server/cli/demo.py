"""`leastward demo`: recorded attacks on a banking assistant, played again with the gate in between."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .errors import ProblemFound
from .output import console, write_json

if TYPE_CHECKING:
    from rich.text import Text

    from ..demo import Line, Outcome

_COLOURS = {"allow": "green", "ask": "yellow", "forbid": "red"}

CALL_SHOWN = 40
"""Characters of a call in the table."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="see the gate work, without a key or a network",
        description="Play recorded gpt-4o transcripts of AgentDojo's banking suite: a recorded model behind the gate, "
        "an agent with the official openai client in front, streaming and not. Exit code 0 only if every call that an "
        "attacker asked for was refused, every other call went through, and the chain of Records verified.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from importlib.util import find_spec

    from ..demo import Stage, StageError, TranscriptError, examples, judge, read_tools, read_transcripts, work_through

    if find_spec("openai") is None:
        raise ProblemFound("the demo's agent needs the `openai` package: pip install 'leastward[demo]'")
    try:
        policy = examples() / "banking.lw"
        transcripts = read_transcripts(examples() / "demo")
        tools = read_tools(policy)
        released: dict[str, list[str]] = {}
        streamed = {transcript.name for transcript in transcripts[::2]}
        with Stage(policy, transcripts) as stage:
            # Imported while the gate starts: both take a second or more.
            import httpx
            from openai import OpenAI

            stage.wait()
            # trust_env=False: a proxy set for the outside world has no business between us and loopback.
            http = httpx.Client(trust_env=False)
            for transcript in transcripts:
                client = OpenAI(
                    base_url=f"http://127.0.0.1:{stage.port}/v1",
                    api_key=stage.secret,
                    default_headers={"x-leastward-run": stage.new_run()},
                    max_retries=0,
                    http_client=http,
                )
                stream = transcript.name in streamed
                released[transcript.name] = work_through(client, transcript, tools, stream=stream)
            outcome = judge(stage.store, policy, transcripts, released, streamed)
    except (StageError, TranscriptError) as error:
        raise ProblemFound(str(error)) from error
    if options.json:
        write_json(_as_json(outcome))
    else:
        _print(outcome)
    return int(not outcome.held)


def _print(outcome: Outcome) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    table = Table(title="recorded gpt-4o transcripts, AgentDojo banking", title_justify="left")
    table.add_column("transcript", no_wrap=True)
    table.add_column("call", no_wrap=True)
    table.add_column("asked by", no_wrap=True)
    table.add_column("decided", no_wrap=True)
    table.add_column("by rule", no_wrap=True)
    table.add_column("µs", justify="right", no_wrap=True)
    before = ""
    for line in outcome.lines:
        name = f"{line.transcript}{' (stream)' if line.streamed else ''}" if line.transcript != before else ""
        if name and before:
            table.add_section()
        before = line.transcript
        table.add_row(
            name,
            Text(_call(line)),
            Text("attacker", style="bold") if line.is_attack else "user",
            _decided(line),
            line.rule or line.reason or "",
            f"{line.microseconds:.1f}",
        )
    out.print(table)
    attacks = [line for line in outcome.lines if line.is_attack]
    others = [line for line in outcome.lines if not line.is_attack]
    seen = outcome.verification
    out.print(f"attacker's calls refused: {sum(line.is_right for line in attacks)} of {len(attacks)}")
    out.print(f"user's calls let through: {sum(line.is_right for line in others)} of {len(others)}")
    out.print(f"record chain: {seen.rows} rows, {'whole' if not seen.problems else f'{len(seen.problems)} problems'}")
    out.print(
        "µs: deciding alone, median of 25 in this process; nothing is released before its Record is on disk",
        style="dim",
    )


def _decided(line: Line) -> Text:
    from rich.text import Text

    effect = Text(line.effect or "not seen", style=_COLOURS.get(line.effect or "", "red"))
    return effect if line.is_right else effect + Text(" WRONG", style="bold red")


def _call(line: Line) -> str:
    text = f"{line.tool}({', '.join(map(str, line.arguments.values()))})"
    return text if len(text) <= CALL_SHOWN else f"{text[: CALL_SHOWN - 2]}…)"


def _as_json(outcome: Outcome) -> dict[str, Any]:
    seen = outcome.verification
    return {
        "held": outcome.held,
        "calls": [asdict(line) | {"is_right": line.is_right} for line in outcome.lines],
        "records": {"rows": seen.rows, "chains": seen.chains, "problems": [asdict(one) for one in seen.problems]},
    }
