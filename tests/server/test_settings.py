"""server/settings.py: the file, the environment, the errors, and docs/configuration.md against the models."""

from __future__ import annotations

import re
import typing
from pathlib import Path
from typing import Any

import pytest

from server.settings import (
    Settings,
    SettingsError,
    TextCallGrammar,
    documented_keys,
    load_settings,
    settings_schema,
)
from server.wire import GRAMMARS

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"

FULL = """
# yaml-language-server: $schema=leastward.schema.json
listen: {host: 127.0.0.1, port: 5000, open_loopback: true}
policies: [policies/*.lw]
tools: tools.json
upstreams:
  vllm: {url: "http://127.0.0.1:8000/v1", timeout: 300}
  openai: {url: "https://api.example.com/v1", api_key: "${OPENAI_API_KEY}"}
models:
  routes: {"gpt-*": openai}
  default: vllm
database: ${STATE:-/var/lib/leastward}/records.db
mode: observe
refusals: {style: message, rounds: 1}
text_calls: off
limits: {body_bytes: 1048576}
log: {level: debug}
"""


def read(tmp_path: Path, text: str, **environment: str) -> Settings:
    path = tmp_path / "leastward.yaml"
    path.write_text(text)
    return load_settings(path, environment)


def test_everything_can_be_written(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL, OPENAI_API_KEY="sk-1")
    assert settings.listen.port == 5000
    assert settings.database == "/var/lib/leastward/records.db"
    assert settings.text_calls == "off"
    key = settings.upstreams["openai"].api_key
    assert key is not None
    assert key.get_secret_value() == "sk-1"
    assert [settings.upstream_for(model) for model in ("gpt-4o", "llama", "GPT-4o")] == ["openai", "vllm", "vllm"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_nothing_need_be_written(text: str, tmp_path: Path) -> None:
    settings = read(tmp_path, text)
    assert (settings.listen.host, settings.listen.port, settings.listen.open_loopback) == ("127.0.0.1", 4747, False)
    assert (settings.mode, settings.refusals.style, settings.refusals.rounds) == ("enforce", "continue", 2)
    assert load_settings(None, {}) == settings


CA_FILES = {
    "upstreams.a.ca_file": 'upstreams: {a: {url: "https://a", ca_file: NAME}}',
    "mcp.servers.a.ca_file": 'mcp: {servers: {a: {url: "https://a/mcp", ca_file: NAME}}}',
    "http_tools.a.ca_file": 'http_tools: {a: {url: "https://a", posts: {send: /send}, ca_file: NAME}}',
    "identity.issuers.a.ca_file": (
        'identity: {issuers: {a: {issuer: "https://a", audience: b, tenant: t, ca_file: NAME}}}'
    ),
    "identity.issuers.a.jwks_file": (
        'identity: {issuers: {a: {issuer: "https://a", audience: b, tenant: t, jwks_file: NAME}}}'
    ),
}


@pytest.mark.parametrize("key", CA_FILES)
def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path, key: str) -> None:
    text = CA_FILES[key]
    with pytest.raises(SettingsError, match=f"`{key}` cannot be read: no such file or directory"):
        read(tmp_path, text.replace("NAME", "none.pem"))
    with pytest.raises(SettingsError, match=f"`{key}` cannot be read: is a directory"):
        read(tmp_path, text.replace("NAME", "."))
    (tmp_path / "text.pem").write_text("no certificate")
    if key.endswith("ca_file"):
        with pytest.raises(SettingsError, match=f"`{key}` holds no certificates that can be read"):
            read(tmp_path, text.replace("NAME", "text.pem"))
    else:
        (issuer,) = read(tmp_path, text.replace("NAME", "text.pem")).identity.issuers.values()
        assert issuer.jwks_file == str(tmp_path / "text.pem")


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL, OPENAI_API_KEY="sk-1")
    assert "sk-1" not in repr(settings)
    assert "sk-1" not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense: 1", "`nonsense` is not a setting"),
        ("listen: {prot: 1}", "`listen.prot` is not a setting"),
        ("listen: {port: many}", "`listen.port` must be a whole number"),
        ("listen: {port: 70000}", "`listen.port` should be less than or equal to 65535"),
        ("listen: {host: 0.0.0.0, open_loopback: true}", "`listen` `open_loopback` needs a loopback `host`"),
        ("listen: [1]", "`listen` must hold keys"),
        ("upstreams: {x: {}}", "`upstreams.x.url` is required"),
        ("upstreams: {x: {url: 'ftp://a'}}", "`upstreams.x`: `ftp://a` is not a plain http or https base URL"),
        ("upstreams: {X: {url: 'http://a'}}", "`upstreams.X`: a name has lower-case letters"),
        ("upstreams: {x: {url: 'http://a', api_key: 'a b'}}", "`upstreams.x`: the API key is empty or holds"),
        ("upstreams: {x: {url: 'http://a', timeout: 0}}", "`upstreams.x.timeout` should be greater than 0"),
        ("models: {default: x}", "`models` names the upstream `x`"),
        ("models: {routes: {a: x}}", "`models` names the upstream `x`"),
        ("mode: off", "`mode` should be `enforce` or `observe`"),
        ("policies: []", "`policies` list should have at least 1 item"),
        ("policies: x.lw", "`policies` must be a list"),
        ("text_calls: [morse]", "`text_calls.0` should be `fenced`"),
        ("refusals: {rounds: 99}", "`refusals.rounds` should be less than or equal to 8"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert any(problem.startswith(said) for problem in caught.value.problems), caught.value.problems
    assert all(str(caught.value.source) in line for line in str(caught.value).splitlines())


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "upstreams: {x: {url: 'http://a', api_key: [sk-secret-1]}}\n")
    assert "sk-secret-1" not in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "upstreams: {x: {url: 'http://a', api_key: '${K}'}}\n", K="sk-secret 1")
    assert "sk-secret" not in str(caught.value)


def test_all_problems_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "mode: x\nlisten: {port: x}\nfoo: 1\n")
    assert len(caught.value.problems) == 3


def test_which_upstream() -> None:
    def settings(models: dict[str, Any], *names: str) -> Settings:
        return Settings.model_validate({"upstreams": {name: {"url": "http://a"} for name in names}, "models": models})

    assert settings({}, "one").upstream_for("m") == "one"
    assert settings({}, "one", "two").upstream_for("m") is None
    assert settings({"routes": {"a*": "one"}}, "one").upstream_for("b") is None
    assert settings({"routes": {"a*": "one", "*": "two"}}, "one", "two").upstream_for("ab") == "one"
    assert settings({"routes": {"a*": "one", "*": "two"}}, "one", "two").upstream_for("b") == "two"


def test_the_grammars_are_those_of_the_wire() -> None:
    assert typing.get_args(TextCallGrammar) == GRAMMARS
    assert Settings().text_calls == list(GRAMMARS)


def test_the_schema_refuses_what_the_models_refuse() -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    validator = jsonschema_rs.validator_for(settings_schema())
    assert validator.is_valid({"listen": {"port": 1}, "mode": "observe"})
    assert not validator.is_valid({"nonsense": 1})
    assert not validator.is_valid({"listen": {"prot": 1}})
    assert not validator.is_valid({"upstreams": {"x": {}}})


def test_every_setting_is_documented() -> None:
    """docs/configuration.md has one table row per key, with the default and the description of the model."""
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \| (.*?) \|$", DOCS.read_text(), flags=re.MULTILINE)
    wanted = [(key, f"`{default}`", text) for key, default, text in documented_keys()]
    assert rows == wanted
