"""The language server: what an editor shows of a policy while somebody writes it.

Words
- Workspace    the policy files as the editor has them: an open buffer stands in place of its file
- Reading      a text as far as it can be read: its tree without the statements that are wrong, and what is wrong there
- Bundle       the files that are one policy together, with their tools, as a PolicySet or as the fault that prevents it
- Definitions  every name that a bundle defines, with its place
- Lines        offsets in a text to the lines and columns of the protocol, and back

Flow: text -> Reading (recovery) -> Bundle (workspace) -> diagnostics; and for a place in a text: what may follow it
(completion), what stands there (target) -> hover, definition. All of it is functions over texts and offsets;
protocol.py alone knows the protocol and pygls, which is imported only when the server starts.

Nothing here decides a call, and nothing a policy or a tool list says is run.
"""

from __future__ import annotations

__all__ = ["serve"]


def serve() -> None:
    """Serve one editor over stdin and stdout until it says `exit`. Raises ModuleNotFoundError without the extra."""
    from .protocol import serve_stdio

    serve_stdio()
