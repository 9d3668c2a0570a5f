"""The client over real sockets: it connects to what was judged, hop by hop, and to nothing else."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address

import pytest
from aiohttp import web

from folkmoot.net.calls import Call, Incoming, Limits
from folkmoot.net.client import GuardedClient, open_client
from folkmoot.net.faults import (
    AddressRefused,
    OutgoingFailed,
    OutgoingTimeout,
    OutgoingTooLarge,
    TooManyRedirects,
)
from folkmoot.net.resolving import Resolver, SystemResolver, is_own
from tests.net.servers import Handler, Names, serving

pytestmark = pytest.mark.system  # real sockets and clients

FAST = Limits(connect=1.0, total=5.0, body_bytes=100_000)


@asynccontextmanager
async def client_for(
    *allowed: str, resolver: Resolver | None = None, limits: Limits = FAST
) -> AsyncIterator[GuardedClient]:
    client = GuardedClient(allowed, user_agent="Folkmoot/test", limits=limits, resolver=resolver)
    try:
        yield client
    finally:
        await client.aclose()


def answering(text: str = "hello", status: int = 200, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(text=text, status=status, headers=named)

    return answer


def redirecting(location: str, status: int = 302) -> Handler:
    return answering("", status, Location=location)


async def test_it_asks_as_folkmoot_and_hands_over_the_whole_answer() -> None:
    async with serving(answering(X_Said="yes", Set_Cookie="a=b")) as server, client_for(server.place) as client:
        call = Call("POST", f"{server.url}/a?b=ä#c", {"Authorization": "Bearer t"}, b"body")
        answer = await client.request(call)
        await client.request(call)
    assert (answer.status, answer.body, answer.url) == (200, b"hello", f"{server.url}/a?b=%C3%A4")
    assert answer.headers["x-said"] == "yes"
    assert server.asked == 2 * [("POST", "/a?b=%C3%A4")]
    assert server.bodies == 2 * [b"body"]
    assert server.headers[1]["user-agent"] == "Folkmoot/test"
    assert server.headers[1]["authorization"] == "Bearer t"
    assert "cookie" not in server.headers[1]


@pytest.mark.parametrize("status", [204, 404, 500])
async def test_any_status_is_an_answer(status: int) -> None:
    async with serving(answering(status=status)) as server, client_for(server.place) as client:
        assert (await client.request(Call("GET", server.url))).status == status


async def test_a_server_on_this_machine_is_not_reached_unless_allowed() -> None:
    names = Names(a_example=[["127.0.0.1"]], b_example=[["::ffff:127.0.0.1"]], c_example=[["fe80::1%lo"]])
    async with serving(answering()) as server, client_for("127.0.0.1:1", resolver=names) as client:
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "a.example", "b.example", "c.example"):
            with pytest.raises(AddressRefused) as raised:
                await client.request(Call("GET", f"http://{host}:{server.port}/"))
            assert "127.0.0" not in str(raised.value)
    assert server.asked == []


@pytest.mark.parametrize(
    "addresses",
    [["93.184.215.14", "10.0.0.5"], ["10.0.0.5", "93.184.215.14"], ["2606:4700::1111", "::1"], [], ["nonsense"]],
)
async def test_one_address_that_is_not_public_spoils_the_name(addresses: Sequence[str]) -> None:
    async with client_for(resolver=Names(a_example=[addresses])) as client:
        with pytest.raises(AddressRefused) as raised:
            await client.request(Call("GET", "http://a.example/"))
    assert not any(address in str(raised.value) for address in addresses)


async def test_a_name_that_turns_inwards_is_judged_at_every_connection() -> None:
    """What it resolves to is asked once for a connection, judged, and connected to: there is nothing between."""
    names = Names(a_example=[["127.0.0.1"], ["127.0.0.2"]])
    async with (
        serving(answering(Connection="close")) as first,
        serving(answering(), "127.0.0.2", first.port) as second,
        client_for(first.place, resolver=names) as client,
    ):
        url = f"http://a.example:{first.port}/"
        assert (await client.request(Call("GET", url))).status == 200
        assert names.asked == ["a.example"]
        with pytest.raises(AddressRefused):
            await client.request(Call("GET", url))
    assert (len(first.asked), len(second.asked)) == (1, 0)
    assert names.asked == ["a.example", "a.example"]
    assert first.headers[0]["host"] == f"a.example:{first.port}"


async def test_an_allowed_name_may_lead_inwards() -> None:
    names = Names(a_lan=[["127.0.0.1"]])
    async with serving(answering()) as server, client_for("A.lan.", resolver=names) as client:
        assert (await client.request(Call("GET", f"http://a.lan:{server.port}/"))).body == b"hello"


async def test_names_that_do_not_exist_and_inner_ones_cannot_be_told_apart() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        if host == "inner.example":
            return ["10.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    told = []
    async with client_for(resolver=resolver) as client:
        for host in ("inner.example", "missing.example"):
            with pytest.raises(AddressRefused) as raised:
                await client.request(Call("GET", f"http://{host}/"))
            told.append((raised.value.detail, raised.value.facts))
    assert told[0] == told[1]


async def test_a_resolver_that_is_down_is_a_failure_to_try_again() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    async with client_for(resolver=resolver) as client:
        with pytest.raises(OutgoingFailed) as raised:
            await client.request(Call("GET", "http://a.example/"))
    assert (raised.value.status, raised.value.retryable) == (502, True)


@pytest.mark.parametrize(
    "place", ["127.0.0.2:{}", "localhost:{}", "169.254.169.254", "[::ffff:7f00:2]:{}", "0x7f.2:{}"]
)
async def test_a_redirect_inwards_is_refused(place: str) -> None:
    async with serving(answering()) as inner:
        location = f"http://{place.format(inner.port)}/"
        async with serving(redirecting(location)) as outer, client_for(outer.place) as client:
            with pytest.raises(AddressRefused):
                await client.request(Call("GET", outer.url))
    assert (len(outer.asked), inner.asked) == (1, [])


async def test_a_redirect_to_another_origin_carries_no_secret() -> None:
    async with (
        serving(answering()) as there,
        serving(redirecting(f"{there.url}/x", 307)) as here,
        client_for(here.place, there.place) as client,
    ):
        headers = {"Authorization": "s", "Cookie": "s", "X-Key": "s", "Content-Type": "a/b"}
        answer = await client.request(Call("POST", here.url, headers, b"body"))
    assert (answer.url, there.asked, there.bodies) == (f"{there.url}/x", [("POST", "/x")], [b"body"])
    assert here.headers[0]["x-key"] == "s"
    assert not {"authorization", "cookie", "x-key"} & there.headers[0].keys()
    assert there.headers[0]["content-type"] == "a/b"


async def test_a_redirect_within_an_origin_keeps_the_secrets_and_drops_the_body_of_a_post() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await (answering() if request.path == "/end" else redirecting("end", 303))(request)

    async with serving(handler) as server, client_for(server.place) as client:
        await client.request(Call("POST", server.url, {"Authorization": "s", "Content-Type": "a/b"}, b"body"))
    assert server.asked == [("POST", "/"), ("GET", "/end")]
    assert server.bodies[1] == b""
    assert server.headers[1]["authorization"] == "s"
    assert "content-type" not in server.headers[1]


async def test_redirects_end() -> None:
    async with serving(redirecting("/")) as server, client_for(server.place) as client:
        with pytest.raises(TooManyRedirects):
            await client.request(Call("GET", server.url))
        assert len(server.asked) == 6
        none = replace(FAST, redirects=0)
        assert (await client.request(Call("GET", server.url, limits=none))).status == 302


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_is_read_up_to_the_limit(is_chunked: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        size = int(request.query["size"])
        response = web.StreamResponse()
        if not is_chunked:
            response.content_length = size
        await response.prepare(request)
        for _ in range(size // 1000):
            await response.write(b"a" * 1000)
        return response

    async with serving(handler) as server, client_for(server.place) as client:
        whole = await client.request(Call("GET", f"{server.url}/?size=100000"))
        assert len(whole.body) == 100_000
        with pytest.raises(OutgoingTooLarge):
            await client.request(Call("GET", f"{server.url}/?size=1000000"))


def packed(body: bytes, encoding: str = "gzip") -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Encoding": encoding})

    return answer


@pytest.mark.parametrize("size", [0, 1, 65_536, 100_000])
async def test_a_packed_body_is_unpacked(size: int) -> None:
    body = gzip.compress(b"a" * (size // 2)) + gzip.compress(b"a" * (size - size // 2))
    async with serving(packed(body)) as server, client_for(server.place) as client:
        assert (await client.request(Call("GET", server.url))).body == b"a" * size
    assert server.headers[0]["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("body", "encoding", "fault"),
    [
        (gzip.compress(b"a" * 50_000_000), "gzip", OutgoingTooLarge),
        (gzip.compress(b"") * 10_000, "gzip", OutgoingTooLarge),
        (gzip.compress(b"a" * 1000)[:-9], "gzip", OutgoingFailed),
        (b"no gzip", "gzip", OutgoingFailed),
        (b"x", "br", OutgoingFailed),
        (gzip.compress(gzip.compress(b"a")), "gzip, gzip", OutgoingFailed),
    ],
    ids=["bomb", "endless", "cut", "no gzip", "other", "twice"],
)
async def test_bombs_and_broken_packages(body: bytes, encoding: str, fault: type[Exception]) -> None:
    async with serving(packed(body, encoding)) as server, client_for(server.place) as client:
        with pytest.raises(fault) as raised:
            await client.request(Call("GET", server.url))
    assert type(raised.value) is fault


async def test_a_stream_is_read_as_it_comes() -> None:
    read = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        await read.wait()
        await response.write(b"two")
        return response

    async def pieces(incoming: Incoming) -> AsyncIterator[bytes]:
        async for piece in incoming.chunks():
            read.set()
            yield piece

    async with (
        serving(handler) as server,
        client_for(server.place) as client,
        client.stream(Call("GET", server.url)) as incoming,
    ):
        assert [piece async for piece in pieces(incoming)] == [b"one", b"two"]


async def test_a_slow_answer_ends_at_the_limit() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.path == "/body":
            await response.prepare(request)
            await response.write(b"a")
        await asyncio.Event().wait()
        return response

    short = replace(FAST, total=0.2)
    async with serving(handler) as server, client_for(server.place, limits=short) as client:
        for path in ("/head", "/body"):
            with pytest.raises(OutgoingTimeout) as raised:
                await client.request(Call("GET", server.url + path))
            assert raised.value.status == 504


async def test_a_name_that_is_never_found_ends_at_the_limit() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with client_for(resolver=resolver, limits=replace(FAST, connect=0.1)) as client:
        with pytest.raises(OutgoingTimeout, match="connection"):
            await client.request(Call("GET", "http://a.example/"))


async def test_a_timeout_of_the_callers_own_stays_his() -> None:
    async with serving(answering()) as server, client_for(server.place) as client:
        with pytest.raises(TimeoutError, match="mine"):
            async with client.stream(Call("GET", server.url)):
                raise TimeoutError("mine")


async def test_a_closed_port_and_a_cut_answer_are_failures() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 100
        await response.prepare(request)
        await response.write(b"a")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(handler) as server, client_for("127.0.0.1") as client:
        with pytest.raises(OutgoingFailed, match="answer properly"):
            await client.request(Call("GET", server.url))
    async with client_for("127.0.0.1") as client:
        with pytest.raises(OutgoingFailed, match="cannot be reached"):
            await client.request(Call("GET", server.url))


async def test_what_is_no_http_is_a_failure() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"+PONG\r\n" * 10_000)
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server, client_for("127.0.0.1") as client:
        with pytest.raises(OutgoingFailed):
            await client.request(Call("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering("proxy")) as proxy, serving(answering()) as server, client_for(server.place) as client:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await client.request(Call("GET", server.url))).body == b"hello"
    assert proxy.asked == []


async def test_a_url_is_checked_without_a_call() -> None:
    client = open_client([], "1.2")
    assert client.check("HTTPS://A.example:443/x#y") == "https://a.example/x"
    for url in ("http://10.0.0.1/", "ftp://a.example", "http://localhost"):
        with pytest.raises(AddressRefused):
            client.check(url)
    await client.aclose()


async def test_this_machine_knows_its_own_addresses() -> None:
    assert is_own(ip_address("127.0.0.1"))
    assert not is_own(ip_address("93.184.215.14"))
    assert not is_own(ip_address("2606:4700::1111"))


async def test_the_machines_resolver() -> None:
    resolver = SystemResolver()
    assert "127.0.0.1" in await resolver("127.0.0.1", 80)
    with pytest.raises(socket.gaierror):
        await resolver("a" * 64 + ".invalid", 80)
