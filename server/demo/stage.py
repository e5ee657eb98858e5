"""The stage: the recorded model in a thread, and the gate as `leastward serve` runs it, in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..store import Store
from .recorded_model import RecordedModel
from .transcripts import Transcript

START_SECONDS = 15.0
"""How long the gate may take until /readyz says so; about 1.5 s on an idle machine."""

_SERVE = "import sys; from server.cli import main; sys.exit(main(sys.argv[1:]))"

_CONFIGURATION = """\
listen: {{host: 127.0.0.1, port: {port}}}
upstreams: {{recorded: {{url: "http://127.0.0.1:{upstream}/v1"}}}}
policies: [{policy}]
database: leastward.db
log: {{level: warning}}
"""


class StageError(Exception):
    """The gate did not start; the message ends with what it said."""


class Stage:
    """A context: both servers start as it is entered (`wait` until they answer) and the folder is gone after it."""

    def __init__(self, policy: Path, transcripts: Sequence[Transcript]) -> None:
        self._policy = policy
        self._transcripts = transcripts
        self._folder = tempfile.TemporaryDirectory(prefix="leastward-demo-")
        self._gate: subprocess.Popen[bytes] | None = None
        self._model: Any = None
        self.port = 0
        self.secret = ""

    @property
    def store(self) -> Store:
        """The gate's database, for reading beside it."""
        return Store.open(Path(self._folder.name) / "leastward.db", create=False)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._gate is not None:
            self._gate.terminate()
            self._gate.wait(timeout=START_SECONDS)
        if self._model is not None:
            self._model.should_exit = True
        self._folder.cleanup()

    def new_run(self) -> str:
        """A fresh run: what was said in an earlier transcript is not said in the next one."""
        answer = self._ask("POST", "/v1/runs", {"authorization": f"Bearer {self.secret}"})
        run: str = json.loads(answer)["id"]
        return run

    # --- starting -----------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        folder = Path(self._folder.name)
        upstream = self._start_model()
        self.port = _free_port()
        policy = json.dumps(str(self._policy.resolve()))
        text = _CONFIGURATION.format(port=self.port, upstream=upstream, policy=policy)
        (folder / "leastward.yaml").write_text(text)
        # The key of an agent in which one person types: its user messages are that person's own words.
        self.secret, _ = Store.open(folder / "leastward.db").issue_key(
            "demo", "banking-assistant", ["call", "runs"], speaks_for_user=True
        )
        with (folder / "gate.log").open("wb") as log:
            command = [sys.executable, "-c", _SERVE, "serve", "--config", str(folder / "leastward.yaml")]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("LEASTWARD_")}
            self._gate = subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: S603 (our own command)

    def _start_model(self) -> int:
        import uvicorn

        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(RecordedModel(self._transcripts), log_config=None, access_log=False, ws="none")
        self._model = uvicorn.Server(config)
        threading.Thread(target=self._model.run, args=([listener],), daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    def wait(self) -> None:
        """Return when the gate is ready. Raises StageError with what it said if it is not within START_SECONDS."""
        log = Path(self._folder.name) / "gate.log"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._gate is not None and self._gate.poll() is None:
            try:
                self._ask("GET", "/readyz", {})
                return
            except (OSError, http.client.HTTPException, StageError):
                time.sleep(0.05)
        raise StageError(
            f"the gate did not start: {log.read_text(errors='replace').strip()[-2000:] or 'it said nothing'}"
        )

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise StageError(f"{path} answered {answer.status}: {body[:200].decode(errors='replace')}")
        return body


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
