"""The gate on the wire: protocols, HTTP, records, the command line, and the one place that brings them together.

wire       bytes to HeldCalls and back, pure
edge       the HTTP application: routes, keys, limits (app.py, intake.py, auth.py, strict_http.py)
gate       the choke point: every answer of a model passes it (gate.py, recorded.py, sessions.py)
upstream   the HTTP client to model servers
store      Records, keys and runs in a database
wiring     composes all of it from the settings
cli        `leastward VERB`; the service starts only there

Flow: client -> edge -> gate -> upstream -> wire -> Guard -> store -> wire -> edge -> client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import Settings, load_settings
    from .wiring import House, build

__all__ = ["House", "Settings", "build", "load_settings"]


def __getattr__(name: str) -> object:
    """The public names, on first use: the command line must not import a web framework to print its help."""
    if name in ("House", "build"):
        from . import wiring

        return getattr(wiring, name)
    if name in ("Settings", "load_settings"):
        from . import settings

        return getattr(settings, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
