"""Tools behind HTTP: the door, the requests that leave, and where they may go.

Words
- HttpServer   one server of tools from the settings: base URL, credentials, egress rules
- HttpTool     one tool there: an Operation of an OpenAPI document, Posted (JSON by POST) or Fetch (GET of a URL)
- Asked        a request of a client in the reverse-proxy mode, read into the arguments of an Operation
- Url          a URL of the one grammar that all clients read alike (urls.py)
- Egress       schemes, ports and addresses that are open; the address that was checked is the one connected to
- ToolFault    why a released call got no answer that can be shown

Flow: settings -> open_servers -> HttpTools. A call: body or Asked -> (tool, arguments) -> ToolGate: decided, recorded
-> HttpTool.request writes a new request from the judged arguments -> Client sends it to a checked address ->
read_answer -> redacted by the ToolGate -> written from the tree. A redirect ends the call; where it leads is the next.
"""

from __future__ import annotations

from .documents import DocumentError
from .door import HttpTools
from .faults import CODES, ToolFault
from .openapi import tool_list
from .opening import ToolsError, open_servers
from .operations import Asked
from .servers import HttpServer, tools_of
from .urls import Url, read_url

__all__ = [
    "CODES",
    "Asked",
    "DocumentError",
    "HttpServer",
    "HttpTools",
    "ToolFault",
    "ToolsError",
    "Url",
    "open_servers",
    "read_url",
    "tool_list",
    "tools_of",
]
