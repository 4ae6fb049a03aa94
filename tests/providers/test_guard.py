"""The outbound door: which addresses it reaches, and that a name cannot change its mind."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import httpx2
import pytest

from console.lib import http
from tests.providers.upstream import Upstream, answer


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("127.1.2.3", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("2002:a00:1::", False),
    ],
)
def test_only_public_addresses_are_public(address: str, public: bool) -> None:
    assert http.is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    ("entry", "host", "port", "covered"),
    [
        ("gpu.internal", "gpu.internal", 80, True),
        ("gpu.internal", "GPU.internal.", 443, True),
        ("gpu.internal", "evil.internal", 80, False),
        ("gpu.internal:11434", "gpu.internal", 11434, True),
        ("gpu.internal:11434", "gpu.internal", 22, False),
        ("10.0.0.5", "anything", 80, True),
        ("10.0.0.0/24", "anything", 80, True),
        ("10.0.1.0/24", "anything", 80, False),
        ("10.0.0.5:8080", "10.0.0.5", 8080, True),
        ("10.0.0.5:8080", "10.0.0.5", 80, False),
        ("[::1]:80", "::1", 80, True),
    ],
)
def test_an_allowance_covers_a_host_a_port_or_a_network(
    entry: str, host: str, port: int, covered: bool
) -> None:
    address = ip_address("::1" if host == "::1" else "10.0.0.5")
    assert http.Allowance.read(entry).covers(host, port, address) is covered


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
async def test_it_does_not_connect_to_loopback_however_it_is_written(
    host: str, settings: Any
) -> None:
    settings.LOCAL_MODEL_URL = ""
    async with Upstream(answer(200, {})) as upstream, http.client() as client:
        with pytest.raises(http.BlockedAddress, match="OUTBOUND_ALLOW"):
            await client.get(f"http://{host}:{upstream.port}/")
        assert upstream.requests == []


def test_the_synchronous_door_is_guarded_too(settings: Any) -> None:
    settings.LOCAL_MODEL_URL = ""
    with http.sync_client() as client, pytest.raises(http.BlockedAddress):
        client.get("http://127.0.0.1:9/")


async def test_the_local_model_and_what_is_allowed_are_reached(settings: Any) -> None:
    async with Upstream(answer(200, {"ok": True})) as upstream, http.client() as client:
        settings.LOCAL_MODEL_URL = upstream.url
        assert (await client.get(upstream.url)).json() == {"ok": True}
        settings.LOCAL_MODEL_URL, settings.OUTBOUND_ALLOW = "", ["127.0.0.0/8"]
        assert (await client.get(upstream.url)).status_code == 200


async def test_a_redirect_is_not_followed_into_the_private_net(settings: Any) -> None:
    async with Upstream(answer(200, {})) as inner:
        target = f"http://127.0.0.1:{inner.port}/secret"
        async with Upstream(answer(302, {}, location=target)) as outer:
            settings.OUTBOUND_ALLOW = [f"127.0.0.1:{outer.port}"]
            async with http.client() as client:
                assert (await client.get(outer.url)).status_code == 302
            async with http.client(redirects=True) as client:
                with pytest.raises(http.BlockedAddress):
                    await client.get(outer.url)
        assert inner.requests == []


async def test_a_name_that_rebinds_is_connected_where_it_was_checked(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name leads to the allowed address when it is checked and to another one ever after."""
    async with Upstream(answer(200, {"who": "allowed"})) as allowed:
        settings.OUTBOUND_ALLOW, settings.LOCAL_MODEL_URL = ["127.0.0.1/32"], ""
        answers = ["127.0.0.1", "127.0.0.2", "127.0.0.2"]
        asked: list[str] = []

        async def resolve(host: str, port: int, **_: Any) -> list[Any]:
            asked.append(host)
            address = answers[min(len(asked), len(answers)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        async with http.client() as client:
            found = await client.get(f"http://rebinding.test:{allowed.port}/")
        assert found.json() == {"who": "allowed"} and asked == ["rebinding.test"]
        assert allowed.requests[0].headers["host"] == f"rebinding.test:{allowed.port}"
        async with http.client() as client:
            with pytest.raises(http.BlockedAddress, match="127.0.0.2"):
                await client.get(f"http://rebinding.test:{allowed.port}/")


async def test_proxies_of_the_environment_are_not_used(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Upstream(answer(200, {})) as upstream:
        settings.OUTBOUND_ALLOW = ["127.0.0.1"]
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        async with http.client() as client:
            assert (await client.get(upstream.url)).status_code == 200


async def test_only_http_is_spoken() -> None:
    async with http.client() as client:
        with pytest.raises(httpx2.UnsupportedProtocol):
            await client.get("file:///etc/passwd")


async def test_a_whole_body_has_a_limit(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    async with Upstream(answer(200, b"x" * 5000)) as upstream, http.client() as client:
        async with client.stream("GET", upstream.url) as response:
            with pytest.raises(http.BodyTooLarge):
                await http.read_whole(response, limit=4999)
        async with client.stream("GET", upstream.url) as response:
            assert len(await http.read_whole(response, limit=5000)) == 5000
