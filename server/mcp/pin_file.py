"""The file in which pins stood before they stood in the database: taken over once, strictly, and put aside."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from policy_dsl import StrictJsonError, strict_json

from .pins import MOST_DEPTH, Kept, Pin, PinBook, PinError, is_pin

MOST_FILE: Final = 64 << 20
_VERSION: Final = 1


def opened_pins(kept: Kept, path: Path, *, first_look: bool) -> PinBook:
    """The pins of the database, with those of the file at `path` where there is one; it is then `path`.taken-over.

    Raises PinError for a file that cannot be read: without its pins a first look would accept whatever is shown now.
    """
    book = PinBook(kept, first_look=first_look)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_FILE)
    except FileNotFoundError:
        return book
    except OSError as error:
        raise PinError(f"`{path}` cannot be read: {error.strerror}") from error
    book.take_over(_read(path, data))
    try:
        with suppress(FileNotFoundError):  # another gate came first, with the same pins
            path.replace(path.with_name(f"{path.name}.taken-over"))
    except OSError as error:
        raise PinError(f"`{path}` cannot be put aside: {error.strerror}") from error
    return book


def _read(path: Path, data: bytes) -> dict[str, dict[str, Pin]]:
    try:
        tree: Any = strict_json.parse(data, max_depth=MOST_DEPTH, numbers="kept")
    except StrictJsonError as error:
        raise PinError(f"`{path}` is not strict JSON: {error.message}") from error
    if not isinstance(tree, dict) or tree.get("version") != _VERSION or not isinstance(tree.get("servers"), dict):
        raise PinError(f"`{path}` does not hold pins of this version")
    servers: dict[str, dict[str, Pin]] = tree["servers"]
    if not all(isinstance(pins, dict) and all(map(is_pin, pins.values())) for pins in servers.values()):
        raise PinError(f"`{path}` holds a pin that does not fit its digest")
    return servers
