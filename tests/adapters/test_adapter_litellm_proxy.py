"""server/adapters/litellm.py in a real `litellm --config` proxy, which `make test-adapters` installs and names."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROXY = os.environ.get("LEASTWARD_LITELLM")
KEY = "sk-test-1234"
ASK = {"model": "m", "messages": [{"role": "user", "content": "go on"}]}
SAID = {"text": "Well.", "calls": [["add", '{"a": 1, "b": 1}'], ["add", '{"a": 1, "b": 9}']]}

pytestmark = pytest.mark.skipif(PROXY is None, reason="LEASTWARD_LITELLM names no `litellm` of `litellm[proxy]`")


@pytest.fixture
def proxy(tmp_path: Path, outside: Any) -> Iterator[str]:
    """The proxy's address; the model server behind it says the same whatever it is asked."""
    says = outside.saying(SAID)

    def answers(asked: Any) -> Any:
        # The proxy looks at its upstream without a body first.
        return outside.whole({}, 404) if asked.tree is None else says(asked)

    model, port = outside.model(answers), outside.chosen_port()
    guard = "from server.adapters import litellm_guardrail\n\nleastward = litellm_guardrail({!r})\n"
    (tmp_path / "guard.py").write_text(guard.format(str(tmp_path / "leastward.yaml")))
    (tmp_path / "leastward.yaml").write_text("policies: ['*.lw']\ndatabase: gate.db\n")
    (tmp_path / "gate.lw").write_text("language 1\nallow add(a, b) when b < 5\n")
    upstream = {"model": "openai/m", "api_base": f"http://127.0.0.1:{model.port}/v1", "api_key": "scripted"}
    hook = {"guardrail": "guard.leastward", "mode": ["pre_call", "post_call"], "default_on": True}
    config = {
        "model_list": [{"model_name": "m", "litellm_params": upstream}],
        "guardrails": [{"guardrail_name": "leastward", "litellm_params": hook}],
        "general_settings": {"master_key": KEY},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    command = [str(Path(str(PROXY)).absolute()), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (tmp_path / "proxy.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=log, stderr=log, env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        )
    url = f"http://127.0.0.1:{port}"

    def lives() -> bool:
        assert process.poll() is None, (tmp_path / "proxy.log").read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health/liveliness") as answer:
            return bool(answer.status == 200)
        return False

    try:
        outside.wait_for(lives, 120)
        yield url
    finally:
        process.terminate()
        process.wait(30)
        model.close()


def asked(url: str, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_proxy_judges_whole_answers_and_streams_and_no_other_route(proxy: str) -> None:
    for stream in (False, True):
        status, body = asked(proxy, "/v1/chat/completions", {**ASK, "stream": stream})
        assert status == 200
        assert body.count(b'"name":"add"') == 1
        assert rb"\"b\": 1" in body or rb"\"b\":1" in body
        assert b"refused add: no-rule" in body
        assert b'"b\\": 9' not in body
        assert b'"b\\":9' not in body
    for path, request in (
        ("/v1/responses", {"model": "m", "input": "go on"}),
        ("/v1/messages", {**ASK, "max_tokens": 5}),
    ):
        assert asked(proxy, path, request)[0] == 501
