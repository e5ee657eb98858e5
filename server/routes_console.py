"""The console's pages (server/console). Anybody may have them: they hold nothing, and do what their key may do."""

from __future__ import annotations

from .console import PAGES, page
from .exchange import Answer
from .intake import Incoming
from .routes import Open, OpenHandler
from .services import Services


def _showing(path: str) -> OpenHandler:
    async def shown(services: Services, request: Incoming) -> Answer:
        return page(path)

    return shown


ROUTES = tuple(Open("GET", path, _showing(path), f"The console: {found.file}") for path, found in PAGES.items())
