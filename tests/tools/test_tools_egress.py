"""server/tools/egress.py: which addresses are open, and that one closed address closes its name."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.tools import ToolFault, read_url
from server.tools.egress import Egress, system_resolve

CASES: dict[str, list[Any]] = yaml.safe_load((Path(__file__).parent / "addresses.yaml").read_text())
PUBLIC = "93.184.215.14"


def looked_up(egress: Egress, url: str, *found: str) -> list[str]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        if not found:
            raise OSError("no such name")
        return found

    return asyncio.run(egress.addresses(read_url(url), resolve))


def code(egress: Egress, url: str, *found: str) -> str:
    with pytest.raises(ToolFault) as fault:
        looked_up(egress, url, *found)
    return fault.value.code


@pytest.mark.parametrize("address", CASES["open"])
def test_public_addresses_are_open(address: str) -> None:
    assert looked_up(Egress(), "https://a.example/", address) == [address]


@pytest.mark.parametrize("address", CASES["closed"])
def test_other_addresses_are_closed_alone_and_among_public_ones(address: str) -> None:
    assert code(Egress(), "https://a.example/", address) == "address-refused"
    assert code(Egress(), "https://a.example/", PUBLIC, address) == "address-refused"
    assert code(Egress(), "https://a.example/", address, PUBLIC) == "address-refused"


def test_a_setting_opens_a_network_and_nothing_beside_it() -> None:
    egress = Egress((ipaddress.ip_network("10.1.0.0/16"),))
    assert looked_up(egress, "https://a.example/", "10.1.2.3") == ["10.1.2.3"]
    assert code(egress, "https://a.example/", "10.2.0.1") == "address-refused"
    assert looked_up(egress, "https://10.1.2.3/") == ["10.1.2.3"]
    assert code(egress, "https://10.2.0.1/") == "address-refused"


def test_an_address_in_the_url_needs_a_setting_even_where_it_is_public() -> None:
    assert code(Egress(), f"https://{PUBLIC}/") == "address-refused"
    assert code(Egress(), "https://[2606:2800::1]/") == "address-refused"


def test_scheme_and_port() -> None:
    assert code(Egress(), "http://a.example/", PUBLIC) == "url-refused"
    assert code(Egress(), "https://a.example:8443/", PUBLIC) == "url-refused"
    assert code(Egress(plain_http=True), "http://a.example/", PUBLIC) == "url-refused"
    assert looked_up(Egress(plain_http=True, ports=frozenset({80})), "http://a.example/", PUBLIC) == [PUBLIC]
    home = Egress(home=("http", "a.example", 8000))
    assert looked_up(home, "http://a.example:8000/", PUBLIC) == [PUBLIC]
    assert code(home, "http://b.example:8000/", PUBLIC) == "url-refused"


def test_a_home_origin_is_no_pass_for_closed_addresses() -> None:
    assert code(Egress(home=("http", "a.example", 8000)), "http://a.example:8000/", "127.0.0.1") == "address-refused"


def test_a_name_that_leads_nowhere() -> None:
    assert code(Egress(), "https://a.example/") == "no-address"


def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in asyncio.run(system_resolve("localhost", 80))
