"""`leastward mcp`: a server on pipes behind the gate (`leastward mcp -- CMD`), and the tools that are withheld."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .configuration import find_configuration
from .errors import CalledWrongly, ProblemFound

if TYPE_CHECKING:
    from ..mcp import Change, PinBook
    from ..settings import Settings
    from ..wiring import House

LINE_LIMIT: Final = 8 << 20
"""Bytes of one message from the agent's host."""

DEFAULT_NAME: Final = "wrapped"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "mcp",
        help="put the gate in front of an MCP server on pipes, or look after pinned tools",
        description="`leastward mcp -- CMD ARG...` runs an MCP server and speaks for it on standard input and output: "
        "give an agent's host this command in place of the server's own. Policies name its tools `NAME/tool`. "
        "`leastward mcp pins` shows the tools that are withheld because they are not as they were accepted; "
        "`leastward mcp pins accept SERVER/TOOL@DIGEST...` accepts just what it showed.",
        usage="leastward mcp [-c FILE] [--name NAME] [--agent AGENT] [--http] -- CMD [ARG...]\n"
        "       leastward mcp [-c FILE] pins [accept SERVER/TOOL@DIGEST...] [--json]",
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="the configuration (default: leastward.yaml here)")
    parser.add_argument(
        "--name", default=DEFAULT_NAME, metavar="NAME", help=f"what policies call the server (default: {DEFAULT_NAME})"
    )
    parser.add_argument("--agent", default="local", metavar="AGENT", help="what policies call the agent")
    parser.add_argument(
        "--http", action="store_true", help="serve the gate on HTTP too, as `listen` says: for approvals and reports"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="-- CMD", help="the server's command, or `pins`")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    words: list[str] = options.words
    if words[:1] == ["pins"]:
        return _pins(options, words[1:])
    if words[:1] != ["--"] or len(words) < 2:
        raise CalledWrongly("give the server's command after `--`, or `pins`")
    return _wrap(options, words[1:])


# --- pins -------------------------------------------------------------------------------------------------------------


def _pins(options: argparse.Namespace, words: list[str]) -> int:
    from ..mcp import PinError, opened_pins
    from ..settings import SettingsError, load_settings
    from ..store import Store, StoreError, located

    as_json = options.json or "--json" in words
    words = [word for word in words if word != "--json"]
    config = find_configuration(options.config)
    try:
        settings = load_settings(config)
        folder = Path() if config is None else config.parent
        store = Store.open(located(folder, settings.database))
        book = opened_pins(store.pins, folder / settings.mcp.pins, first_look=settings.mcp.accepts == "first-look")
        if words[:1] == ["accept"] and len(words) > 1:
            return _accept(book, words[1:])
        if words:
            raise CalledWrongly("`pins` stands alone, or with `accept SERVER/TOOL@DIGEST...`")
        changes = book.changes()
    except SettingsError as error:
        raise ProblemFound(str(error)) from error
    except (PinError, StoreError) as error:
        raise ProblemFound(error.message) from error
    _print_json(changes) if as_json else _print(changes)
    return 1 if changes else 0


def _accept(book: PinBook, names: list[str]) -> int:
    for name in names:
        if not book.accept(name):
            raise ProblemFound(f"`{name}` is not what the server showed last; `leastward mcp pins` says what is")
        print(f"accepted {name}")
    return 0


def _print(changes: list[Change]) -> None:
    """What a server says is shown with its control and invisible characters spelled out: they are the attack."""
    if not changes:
        print("every tool is as it was accepted")
    for change in changes:
        print(f"{change.name}: {'never accepted' if change.accepted is None else 'changed'}")
        before = change.accepted or {}
        for member in sorted({*before, *change.shown}):
            old, new = before.get(member), change.shown.get(member)
            if old != new:
                print(f"  - {member}: {_spelled(old)}\n  + {member}: {_spelled(new)}")


def _spelled(value: Any) -> str:
    import json

    return "-" if value is None else json.dumps(value, ensure_ascii=True, default=str)


def _print_json(changes: list[Change]) -> None:
    from policy_dsl import encode_json

    tree: list[Any] = [
        {
            "server": one.server,
            "tool": one.tool,
            "name": one.name,
            "accepted": _tree(one.accepted),
            "shown": dict(one.shown),
        }
        for one in changes
    ]
    print(encode_json(tree).decode())


def _tree(accepted: Any) -> Any:
    return None if accepted is None else dict(accepted)


# --- a server on pipes ------------------------------------------------------------------------------------------------


def _wrap(options: argparse.Namespace, command: list[str]) -> int:
    from ..logs import start_logging
    from ..mcp import PinError
    from ..policies import PoliciesError
    from ..settings import SettingsError, load_settings
    from ..store import StoreError

    config = find_configuration(options.config)
    try:
        settings = _with_server(load_settings(config), options.name, command)
        start_logging(settings.log.level)
        folder = Path() if config is None else config.parent
        asyncio.run(_served(settings, folder, options.name, options.agent, http=options.http))
    except PoliciesError as error:
        raise ProblemFound(error.rendered) from error
    except SettingsError as error:
        raise ProblemFound(str(error)) from error
    except (StoreError, PinError) as error:
        raise ProblemFound(error.message) from error
    except ValueError as error:
        raise CalledWrongly(str(error)) from error
    return 0


def _with_server(settings: Settings, name: str, command: list[str]) -> Settings:
    """The same settings with this one MCP server and no other; what reaches the host of it stands under its name."""
    from ..settings_mcp import McpSettings

    known = settings.mcp.servers.get(name)
    passed = {} if known is None else known.model_dump(include={"questions", "logging", "subscriptions"})
    server = {"command": command[0], "args": command[1:], **passed}
    only = {**settings.mcp.model_dump(exclude={"servers"}), "servers": {name: server}}
    return settings.model_copy(update={"mcp": McpSettings.model_validate(only)})


async def _served(settings: Settings, folder: Path, name: str, agent: str, *, http: bool) -> None:
    """The gate in front of the one server. Records go where the settings say. With `http` its HTTP side is there too:
    it is where people approve calls and read decisions, as the database has one writer."""
    from guardrail import Principal

    from ..exchange import Caller, Scope
    from ..mcp import McpFront, serve_pipes
    from ..wiring import build

    house = build(settings, folder)
    caller = Caller(Principal(tenant="local", agent=agent), frozenset({Scope.CALL}), "pipes")
    reader = await _standard_input()
    out = sys.stdout.buffer

    async def write(line: bytes) -> None:
        def written() -> None:
            out.write(line)
            out.flush()

        await asyncio.to_thread(written)

    async with _serving(house) if http else house.running():
        assert isinstance(house.mcp, McpFront)  # the settings name one server
        await serve_pipes(house.mcp.door, name, caller, house.store.default_run(caller.principal), reader, write)


@contextlib.asynccontextmanager
async def _serving(house: House) -> AsyncIterator[None]:
    """The gate with its HTTP side; it runs what belongs to it itself."""
    server = house.server()
    serving = asyncio.ensure_future(server.serve())
    try:
        while not server.started:
            if serving.done():
                await serving
                raise ProblemFound("the gate's HTTP side ended before it began")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await serving


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    kind = os.fstat(sys.stdin.fileno()).st_mode
    # `< FILE`, `< /dev/null`: asyncio waits for pipes, sockets and terminals alone.
    if stat.S_ISREG(kind) or (stat.S_ISCHR(kind) and not sys.stdin.isatty()):
        reader.feed_data(await asyncio.to_thread(sys.stdin.buffer.read))
        reader.feed_eof()
    else:
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader
