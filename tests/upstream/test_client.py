"""server/upstream/client.py: addresses, what may stand in a request, TLS."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from server.upstream import Upstream, UpstreamError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/v1",
        "http://",
        "http:///v1",
        "a.example/v1",
        "http://user:pw@a.example/v1",
        "http://a.example\\@b.example/v1",
        "http://a.example/v1?x=1",
        "http://a.example/v1#x",
        "http://a.example/../v1/%2e",
        "http://a.example:99999/v1",
        "http://a.example/v1\r\nx: y",
        "http://a.example /v1",
        "http://\uff41.example/v1",
        "http://a.example/v1\n",
        "",
    ],
)
def test_addresses_that_are_not_plain(url: str) -> None:
    with pytest.raises(ValueError):
        Upstream("x", url)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/v1", "https://api.example.com/v1/", "http://[::1]:8000", "http://10.0.0.1"]
)
def test_addresses_that_are(url: str) -> None:
    assert Upstream("x", url).connections == 0


@pytest.mark.parametrize("key", ["", "a b", "a\r\nx: y", "schlüssel"])
def test_keys_that_cannot_be_written(key: str) -> None:
    with pytest.raises(ValueError) as caught:
        Upstream("x", "http://a.example/v1", key)
    assert key == "" or key not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "b\r\nx-evil: 1"),
        ("x-a", "b\x00"),
        ("x-a", "ü"),
        ("x-a: b\r\nx", "1"),
        ("x a", "1"),
        ("", "1"),
        ("Host", "evil.example"),
        ("Authorization", "Bearer other"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Accept-Encoding", "gzip"),
    ],
)
def test_headers_that_a_request_may_not_add(name: str, value: str, run: Any, serving: Any, soon: Any) -> None:
    async def play(wire: Any) -> None:
        await wire.request()

    async def main() -> None:
        async with serving(play) as server:
            upstream = server.upstream()
            with pytest.raises(ValueError):
                await upstream.post("/x", b"", {name: value}, deadline=soon())
            assert upstream.connections == 0
            assert server.requests == []

    run(main())


@pytest.mark.parametrize("path", ["", "x", "/x?y", "/x y", "/x\r\n", "/%2e", "//x", "/x/"])
def test_paths_that_are_not_plain(path: str, run: Any, soon: Any) -> None:
    async def main() -> None:
        with pytest.raises(ValueError):
            await Upstream("x", "http://127.0.0.1:1/v1").post(path, b"", deadline=soon())

    run(main())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for `localhost` and another for `other.example`."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    for name in ("localhost", "other.example"):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-addext", f"subjectAltName=DNS:{name}"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def _context(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


async def _answering(wire: Any) -> None:
    while await wire.request():
        await wire.send(OK)


def test_tls(certificates: Path, run: Any, serving: Any, soon: Any) -> None:
    async def main() -> None:
        async with serving(_answering, _context(certificates, "localhost")) as server:
            upstream = server.upstream(scheme="https", host="localhost", ca_file=str(certificates / "localhost.pem"))
            for _ in range(3):
                assert await (await upstream.post("/x", b"{}", deadline=soon())).read() == b"ok"
            assert server.wires == 1
            upstream.close()

    run(main())


@pytest.mark.parametrize(
    ("served", "trusted"),
    [("localhost", None), ("localhost", "other.example"), ("other.example", "other.example")],
    ids=["unknown issuer", "another issuer", "another host"],
)
def test_tls_that_must_fail(
    served: str, trusted: str | None, certificates: Path, run: Any, serving: Any, soon: Any
) -> None:
    async def main() -> None:
        async with serving(_answering, _context(certificates, served)) as server:
            ca_file = str(certificates / f"{trusted}.pem") if trusted else None
            upstream = server.upstream(scheme="https", host="localhost", ca_file=ca_file)
            with pytest.raises(UpstreamError) as caught:
                await upstream.post("/x", b"{}", deadline=soon())
            assert caught.value.code == "tls-failed"
            assert server.requests == []
            assert upstream.connections == 0

    run(main())


def test_tls_to_a_plain_server_and_the_other_way_round(certificates: Path, run: Any, serving: Any, soon: Any) -> None:
    async def plain(wire: Any) -> None:
        await wire.send(b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n")

    async def main() -> None:
        async with serving(plain) as server:
            with pytest.raises(UpstreamError) as caught:
                await server.upstream(scheme="https", host="localhost").post("/x", b"", deadline=soon())
            assert caught.value.code == "tls-failed"
        async with serving(_answering, _context(certificates, "localhost")) as server:
            with pytest.raises(UpstreamError) as caught:
                await server.upstream(host="localhost").post("/x", b"", deadline=soon())
            assert caught.value.code in ("closed-early", "malformed-upstream")

    run(main())


def test_a_ca_file_that_is_not_there(run: Any, soon: Any) -> None:
    async def main() -> None:
        upstream = Upstream("x", "https://127.0.0.1:1/v1", ca_file="/does/not/exist.pem")
        with pytest.raises(UpstreamError) as caught:
            await upstream.post("/x", b"", deadline=soon())
        assert caught.value.code == "connect-failed"

    run(main())
