"""A headless Chromium by the W3C's WebDriver protocol: as much of it as the console's tests need."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
"""The name of a reference to an element (WebDriver, section 12.1)."""

# No network but loopback: without these Chromium looks for its maker's hosts all the time.
_QUIET: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1000,900",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


class Browser:
    def __init__(self, port: int) -> None:
        self._port = port
        options = {"args": list(_QUIET), "binary": shutil.which("chromium")}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self._session = ""
        opened = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{opened['sessionId']}"

    def open(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a function body returns in the page."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def click(self, selector: str) -> None:
        self._ask("POST", f"/element/{self._found(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        self._ask("POST", f"/element/{self._found(selector)}/value", {"text": text})

    def complaints(self) -> list[str]:
        """What the page's console said since the last look, violations of its Content Security Policy among it."""
        return [str(entry["message"]) for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def wait_for(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, self.run("return document.body.innerText")
            time.sleep(0.05)

    def close(self) -> None:
        self._ask("DELETE", "", None)

    def _found(self, selector: str) -> str:
        return str(self._ask("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT])

    def _ask(self, method: str, path: str, body: Any) -> Any:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        with contextlib.closing(line):
            line.request(method, self._session + path, None if body is None else json.dumps(body))
            value = json.loads(line.getresponse().read())["value"]
        assert not (isinstance(value, dict) and "error" in value), value
        return value


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if any(shutil.which(program) is None for program in ("chromedriver", "chromium")):
        pytest.skip("needs Chromium and its driver (Debian packages chromium and chromium-driver)")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        with contextlib.closing(Browser(port)) as browser:
            yield browser
    finally:
        driver.terminate()
        driver.wait(20)
