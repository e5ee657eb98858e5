"""The MCP gateway: MCP servers behind the gate, every call of their tools decided, every tool pinned as first seen.

messages      one JSON-RPC message, read strictly; what is written back
headers       what HTTP says about a message, and that it says the same as the body
clients       sessions of clients from before 2026-07-28
front         POST and DELETE of `/mcp` and `/mcp/{server}`: HTTP in, Answer out
standard_io   the same door on a pair of pipes, for `leastward mcp -- CMD`
door          which method does what: list, call, read
offering      the tools of the servers as one caller may see them
calling       one `tools/call`: who is called, the choke point, the result
documents     resources, prompts, completion: decided as tools `resources.read`, `prompts.get`, `completion.complete`
results       what a server gave, reduced to the members that the gate knows
held          calls that wait for a person, told to clients that can wait
conversing    a request on its way to a server that asks something back, or logs, before it answers
inquiries     what a server may ask of a client; an answer is decided as the tool that stands for its kind
logged        log messages of servers
talking       what is said to a client while its request is under way, and what it answers
rounds        a server's questions, sealed for a client that comes back with the answers (2026-07-28)
returning     a request that comes back with such a state, or with one of an approval
following     what a client with a session hears unasked
subscribing   the same for a client of 2026-07-28: `subscriptions/listen`
standing      whether what was opened for long may still go on
pins          the tools as a person or the first look accepted them; a changed one is withheld (pin_file: the old file)
servers       the MCP servers that the settings name; opening makes them
peer          one server as one run reaches it: handshake, requests
line          what carries messages to a server: http_line, process_line

Flow: client -> front -> door -> ToolGate -> conversing -> peer -> line -> server, back through results and ToolGate;
a server's question goes the way of a result, and the client's answer to it the way of a call.

The two protocols meet here: 2026-07-28, in which each request stands alone, and the versions with a handshake. Rules
about headers, versions and error codes are the official SDK's (`mcp.shared.inbound`, `mcp_types`). Its transports are
not on the path: they parse JSON so that the last of two equal names wins and NaN is a number, before anybody can look.
"""

from __future__ import annotations

from .door import Door
from .front import McpFront
from .held import Held, Waiting
from .opening import open_servers
from .pin_file import opened_pins
from .pins import Change, PinBook, PinError
from .rounds import Rounds
from .servers import Server
from .standard_io import serve_pipes

__all__ = [
    "Change",
    "Door",
    "Held",
    "McpFront",
    "PinBook",
    "PinError",
    "Rounds",
    "Server",
    "Waiting",
    "open_servers",
    "opened_pins",
    "serve_pipes",
]
