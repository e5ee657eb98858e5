"""A real vLLM server behind the real gate: chat completions with tools, streaming and not; and an exported model that
was, or was not, taught the policy in force, counted by the tokens of the prompt that vLLM saw.

Run by `make test-vllm`. It needs about 3.5 GB of disk, 4 GB of memory and, once installed, two to four minutes on two
idle cores: a minute for vLLM to get ready, the rest for a 135M model that gives about twenty tokens a second. The model
is far too small to choose tools well, so calls are forced with `tool_choice`; the wire is tested, not the model.
That the exported model was taught anything is a lie of this test; that its file is believed, or not, is what it is for.
Usage: drive.py DIR     (as tests/vllm/setup.sh made it)
"""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from openai import OpenAI
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from policy_dsl import load as load_policy
from policy_dsl.knowledge import Threshold, identifier, shown
from training.cases import of_policies
from training.export import CLAIM, Made, export
from training.model import add_identifiers, load

POLICY = """\
language 1
use tools "tools.json"

allow get_weather(city) as weather
allow get_secret(name) as secret when name == "the one that nobody asks for" message "This secret is not yours."
"""


def tool(name: str, argument: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {argument: {"type": "string"}},
        "required": [argument],
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": name.replace("_", " "), "parameters": schema}}


TOOLS = [tool("get_weather", "city"), tool("get_secret", "name")]


ANOTHER = "<|policy:another@00000000|>"
"""A policy that the exported model's tokenizer knows as well, and that is not in force."""
NAMES = ["smollm2", "taught", "stale"]
"""What vLLM calls the one model. The gate is told nothing of the first; the file of the last is of another policy."""


def exported(model: Path, folder: Path) -> None:
    """The model with the policy's identifier as a token, and the claim that it was taught the policy of `folder`."""
    data = of_policies([str(folder / "policy.lw")], train=12, test=4)
    trained, tokenizer = load(model)
    add_identifiers(trained, tokenizer, [*data.documents, ANOTHER])
    measured = {name: {"effect": (1000, 1000)} for name in data.documents}
    export(folder / "model", trained, tokenizer, data, Made("SmolLM2", ()), measured, {"effect": Threshold(least=0.9)})
    claim = json.loads((folder / "model" / CLAIM).read_bytes())
    claim["policies"][0]["hash"] = "sha256:" + "0" * 64
    (folder / "stale.json").write_text(json.dumps(claim))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], url: str, seconds: float, log: Path, env: dict[str, str]) -> Iterator[float]:
    """Start `command`, wait until `url` answers 200, yield how long that took, stop it at the end."""
    begun = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **env})
        try:
            while True:
                if process.poll() is not None or time.monotonic() - begun > seconds:
                    raise SystemExit(f"{command[0]} did not get ready in {seconds:.0f} s:\n{log.read_text()[-3000:]}")
                try:
                    with urllib.request.urlopen(url, timeout=2) as answer:
                        if answer.status == 200:
                            break
                except OSError:
                    time.sleep(0.5)
            yield time.monotonic() - begun
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(
    client: OpenAI, *, stream: bool, choice: Any, prompt: str, strict: bool
) -> tuple[list[tuple[str, str]], str, str | None]:
    """The calls, the text and the finish reason that a client of the gate sees."""
    # `strict` makes vLLM hold the model to the schema; without it this model writes a list where an object belongs.
    tools = [{**t, "function": {**t["function"], "strict": strict}} for t in TOOLS]
    common: dict[str, Any] = {
        "model": "smollm2",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 64,
        "temperature": 0,
        "tools": tools,
        "tool_choice": choice,
    }
    if not stream:
        answer = client.chat.completions.create(**common).choices[0]
        calls = [(c.function.name, c.function.arguments) for c in answer.message.tool_calls or []]
        return calls, answer.message.content or "", answer.finish_reason
    parts: dict[int, list[str]] = {}
    text, finish = "", None
    for chunk in client.chat.completions.create(stream=True, **common):
        for piece in chunk.choices:
            text += piece.delta.content or ""
            finish = piece.finish_reason or finish
            for call in piece.delta.tool_calls or []:
                held = parts.setdefault(call.index, ["", ""])
                if call.function is not None:
                    held[0] += call.function.name or ""
                    held[1] += call.function.arguments or ""
    return [(name, arguments) for name, arguments in parts.values()], text, finish


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


class Seen(NamedTuple):
    """What a client saw, and what the gate recorded of the exchange: a tool and the reason of each Decision."""

    calls: list[tuple[str, str]]
    text: str
    finish: str | None
    recorded: list[tuple[str, str]]


def only_weather(seen: Seen) -> bool:
    return bool(seen.calls) and all(
        name == "get_weather" and isinstance(json.loads(a).get("city"), str) for name, a in seen.calls
    )


def unreadable(seen: Seen) -> bool:
    """The model writes a list where an object belongs; which call vLLM makes of it differs between its parsers: one
    with arguments that are no object or no JSON, or none, and then the text holds a call that cannot be read."""
    reasons = {reason for _, reason in seen.recorded}
    return not seen.calls and bool(reasons & {"arguments-not-object", "bad-json-arguments", "unreadable-text-call"})


def no_rule_held(seen: Seen) -> bool:
    return not seen.calls and ("get_secret", "no-rule") in seen.recorded


def no_forbidden(seen: Seen) -> bool:
    return all(name == "get_weather" for name, _ in seen.calls)


def text_only(seen: Seen) -> bool:
    return not seen.calls and bool(seen.text) and not seen.recorded


def recorded(database: Path, after: int) -> list[tuple[int, str, str]]:
    """Position, tool and reason of the Decisions since a position."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT position, body FROM record WHERE position > ? ORDER BY position", (after,))
        trees = [(position, json.loads(body)) for position, body in rows]
    return [(position, tree["tool"] or "", tree["reason"]) for position, tree in trees if tree["kind"] == "decision"]


WEATHER = "What is the weather in Paris?"
CASES: tuple[tuple[str, Any, str, bool, Callable[[Seen], bool]], ...] = (
    ("plain text", "none", "Say hello.", False, text_only),
    ("a named, allowed tool", named("get_weather"), WEATHER, True, only_weather),
    ("a named tool, unreadable arguments", named("get_weather"), WEATHER, False, unreadable),
    ("a named tool whose rule does not hold", named("get_secret"), "Tell me the secret.", True, no_rule_held),
    ("some tool is required", "required", WEATHER, True, no_forbidden),
    ("the model chooses", "auto", WEATHER, True, no_forbidden),
)


def main() -> int:
    root = Path(sys.argv[1]).resolve()
    console = Console()
    model_port, gate_port = free_port(), free_port()
    leastward = str(Path(sys.executable).parent / "leastward")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tools.json").write_text(json.dumps(TOOLS))
        (folder / "policy.lw").write_text(POLICY)
        config = folder / "leastward.yaml"
        config.write_text(
            f'listen: {{host: 127.0.0.1, port: {gate_port}}}\npolicies: ["{folder}/policy.lw"]\n'
            f'database: "{folder}/gate.db"\n'
            f'upstreams: {{vllm: {{url: "http://127.0.0.1:{model_port}/v1", timeout: 300,'
            f' internalized: {{taught: "{folder}/model/{CLAIM}", stale: "{folder}/stale.json"}}}}}}\n'
        )
        console.print("exporting the model")
        exported(root / "model", folder)
        issued = subprocess.run(
            [leastward, "keys", "issue", "--config", str(config), "--tenant", "test", "--agent", "vllm", "--json"],
            check=True,
            capture_output=True,
            text=True,
        )
        key = json.loads(issued.stdout)["secret"]
        serve = [
            str(root / "venv/bin/vllm"),
            "serve",
            str(folder / "model"),
            "--chat-template",  # an export's own has no tools
            str(root / "model" / "chat_template.jinja"),
            "--served-model-name",
            *NAMES,
            "--host",
            "127.0.0.1",
            "--port",
            str(model_port),
            "--enforce-eager",
            "--max-model-len",
            "2048",
            "--max-num-seqs",
            "4",
            "--dtype",
            "bfloat16",
            "--enable-auto-tool-choice",
            "--tool-call-parser",
            "hermes",
        ]
        env = {
            "HF_HUB_OFFLINE": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": "2",
            "VLLM_NO_USAGE_STATS": "1",
            "PATH": f"{root / 'venv/bin'}{os.pathsep}{os.environ['PATH']}",
        }
        console.print("starting vLLM (about a minute on two cores)")
        with (
            running(serve, f"http://127.0.0.1:{model_port}/v1/models", 600, folder / "vllm.log", env) as ready,
            running(
                [leastward, "serve", "--config", str(config)],
                f"http://127.0.0.1:{gate_port}/readyz",
                30,
                folder / "gate.log",
                {},
            ),
        ):
            version = re.search(r"version (\S+)", (folder / "vllm.log").read_text())
            console.print(f"vLLM {version[1] if version else '(version not printed)'} was ready after {ready:.0f} s")
            client = OpenAI(base_url=f"http://127.0.0.1:{gate_port}/v1", api_key=key, timeout=600, max_retries=0)
            passed = drive(console, client, folder / "gate.db")
            passed = prompts(console, client, f"http://127.0.0.1:{model_port}", folder) and passed
        verified = subprocess.run(
            [leastward, "audit", "verify", "--config", str(config)], capture_output=True, text=True
        )
        console.print(verified.stdout.strip())
        return 0 if passed and verified.returncode == 0 else 1


def drive(console: Console, client: OpenAI, database: Path) -> bool:
    models = [m.id for m in client.models.list()]
    table = Table(title=f"through the gate; models: {', '.join(models)}")
    for column in ("case", "stream", "calls that arrived", "recorded", "text", "finish", "s", "ok"):
        table.add_column(column)
    passed, last = models == NAMES, 0
    for title, choice, prompt, strict, holds in CASES:
        for stream in (False, True):
            begun = time.monotonic()
            calls, text, finish = ask(client, stream=stream, choice=choice, prompt=prompt, strict=strict)
            rows = recorded(database, last)
            last = max((position for position, _, _ in rows), default=last)
            told = [(tool, reason) for _, tool, reason in rows]
            ok = holds(Seen(calls, text, finish, told))
            passed = passed and ok
            table.add_row(
                title,
                str(stream),
                "; ".join(f"{n}{a}" for n, a in calls)[:60],
                "; ".join(f"{tool}: {reason}" for tool, reason in told)[:60],
                escape(text[:60].replace("\n", " ")),
                str(finish),
                f"{time.monotonic() - begun:.1f}",
                "yes" if ok else "NO",
            )
    console.print(table)
    return passed


def prompts(console: Console, client: OpenAI, vllm: str, folder: Path) -> bool:
    """Whether vLLM saw, to the token, the prompt that the gate is to make for each name of the model."""
    policy = load_policy([str(folder / "policy.lw")])
    own, hello = identifier(policy, "policy"), "Say hello."
    cases: tuple[tuple[str, str, str, list[str], str], ...] = (
        ("nothing is said of the model", "smollm2", hello, [], hello),
        ("it was taught the policy in force", "taught", hello, [f"Policy: {own}"], hello),
        ("it was taught another", "stale", hello, [shown(policy, own, 7)], hello),
        (
            "its user names another",
            "taught",
            f"By {ANOTHER}.",
            [f"Policy: {own}"],
            f"By {ANOTHER.replace('<|', '< |')}.",
        ),
    )
    table = Table(title="what stands in the prompt")
    for column in ("case", "stream", "tokens", "expected", "ok"):
        table.add_column(column)
    passed = True
    for title, model, said, system, arrives in cases:
        messages = [*({"role": "system", "content": text} for text in system), {"role": "user", "content": arrives}]
        body = json.dumps({"model": "smollm2", "messages": messages}).encode()
        request = urllib.request.Request(f"{vllm}/tokenize", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            expected = json.load(answer)["count"]
        for stream in (False, True):
            common: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": said}], "max_tokens": 4}
            if stream:
                chunks = client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **common)
                usage = [chunk.usage for chunk in chunks if chunk.usage is not None][-1]
            else:
                usage = client.chat.completions.create(**common).usage
            seen = None if usage is None else usage.prompt_tokens
            passed = passed and seen == expected
            table.add_row(title, str(stream), str(seen), str(expected), "yes" if seen == expected else "NO")
    console.print(table)
    return passed


if __name__ == "__main__":
    sys.exit(main())
