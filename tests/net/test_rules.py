"""Every spelling of a place that is not public is seen through, and what is public keeps its meaning."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.net.addresses import Allowed, allowed_of, is_public
from folkmoot.net.calls import Call, check_headers, redirected
from folkmoot.net.faults import AddressRefused, HeaderRefused
from folkmoot.net.rules import MAX_URL, check_target, follow, parse_target

NOT_PUBLIC = """
http://127.0.0.1 http://127.1 http://127.0.1 http://127.255.255.254 http://2130706433 http://0x7f000001 http://0x7F.1
http://017700000001 http://0177.0.0.1 http://0177.0x0.0.1 http://00000177.1 http://127.0.0.1. http://0 http://0.0.0.0
http://0x http://10.0.0.1 http://10.1 http://167772161 http://172.16.0.1 http://172.31.255.255 http://192.168.0.1
http://192.168.257 http://3232235521 http://100.64.0.1 http://100.100.100.200 http://169.254.169.254
http://2852039166 http://0xa9fea9fe http://0251.0376.0251.0376 http://169.254.43518 http://168.63.129.16
http://192.0.0.192 http://192.0.2.1 http://192.88.99.1 http://198.18.0.1 http://198.51.100.1 http://203.0.113.1
http://224.0.0.1 http://239.255.255.255 http://240.0.0.1 http://255.255.255.255 http://4294967295
http://[::1] http://[::] http://[0:0:0:0:0:0:0:1] http://[::ffff:127.0.0.1] http://[::ffff:7f00:1]
http://[::ffff:a9fe:a9fe] http://[::127.0.0.1] http://[::7f00:1] http://[::8.8.8.8] http://[fe80::1] http://[fec0::1]
http://[fc00::1] http://[fd00:ec2::254] http://[fd20:ce::254] http://[ff02::1] http://[100::1]
http://[64:ff9b::10.0.0.1] http://[64:ff9b::a9fe:a9fe] http://[64:ff9b:1::808:808] http://[2002:7f00:1::]
http://[2002:a9fe:a9fe::1] http://[2002:808:808::1] http://[2001:0:4136:e378:8000:63bf:3fff:fdd2] http://[2001:db8::1]
http://[2001:2::1] http://[3fff::1] http://[5f00::1] http://[4000::1]
http://localhost http://LOCALHOST http://localhost. http://a.localhost http://localhost.localdomain
http://printer.local http://metadata.google.internal http://nas.home.arpa
http://①②⑦.⓪.⓪.① http://127。0。0。1 http://\uff11\uff12\uff17.\uff10.\uff10.\uff11
http://\uff11\uff10.1 http://ⓛocalhost http://localho\u017ft
http://loc\u00adalhost http://0x7f\uff0e1
"""

UNREADABLE = {
    "scheme": """ftp://a.example file:///etc/passwd gopher://a.example javascript:alert(1) //a.example a.example
        http:a.example http:/a.example data:text/plain,a jar:http://a.example!/ unix:/run/x""",
    "user_info": """http://me@a.example http://me:pw@a.example http://a.example@127.0.0.1 http://127.0.0.1:80@a.example
        http://@a.example http://a.example%40@b.example""",
    "host": """https:///a.example/ http:// http://? http://:80 http://. http://.. http://a..b http://.a http://%31%32%37.0.0.1
        http://127.0.0.1%00.a.example http://127.0.0.%31 http://[fe80::1%25eth0] http://[::1%25lo] http://[::1
        http://::1 http://[127.0.0.1] http://[] http://[v1.a] http://1.2.3.4.5 http://256.1.1.1 http://1.2.3.256
        http://0x100000000 http://4294967296 http://1.2.3.09 http://a.example.1 http://a.0x7f http://a:b:c
        http://a,b http://a$b http://a!b http://a'b http://-a.example http://a-.example http://[::1]x
        http://℀.example http://a\uff0fb.example http://a\uff03b""",
    "port": """http://a.example:0 http://a.example:65536 http://a.example:99999 http://a.example:22
        http://a.example:25 https://a.example:587 http://a.example:6667""",
    "too_long": "http://a.example/" + MAX_URL * "a",
}
ODD_CHARACTERS = (
    *(
        f"http://a.example/{odd}"
        for odd in ("\x00", "\t", "\n", "\r\nHost: b", "\x7f", " ", "\x85", "\ud800", "\u2028")
    ),
    "http://a.example\\@127.0.0.1/",
    "http:\\\\127.0.0.1",
    " http://a.example",
    "http://a.example\n",
    "http://127.0.0.1\t.example",
)


def reason_of(url: str) -> str:
    with pytest.raises(AddressRefused) as raised:
        check_target(parse_target(url), Allowed())
    assert (raised.value.status, raised.value.code) == (422, "address_refused")
    return str(raised.value.facts["reason"])


@pytest.mark.parametrize("url", NOT_PUBLIC.split())
def test_what_is_not_public_is_refused_in_every_spelling(url: str) -> None:
    assert reason_of(f"{url}/a?b") == "not_public"


@pytest.mark.parametrize(
    ("reason", "url"), [(reason, url) for reason, urls in UNREADABLE.items() for url in urls.split()]
)
def test_what_could_be_read_in_two_ways_is_refused(reason: str, url: str) -> None:
    assert reason_of(url) == reason


@pytest.mark.parametrize("url", ODD_CHARACTERS)
def test_characters_that_parsers_skip_or_turn_are_refused(url: str) -> None:
    assert reason_of(url) == "characters"


def test_long_hosts_are_refused() -> None:
    assert reason_of(f"http://{'a' * 64}.example") == "host"
    assert reason_of(f"http://{'a.' * 127}example") == "host"
    assert reason_of(f"http://{'ä' * 2000}") == "host"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTP://A.Example", "http://a.example/"),
        ("https://a.example.:443/x?y#z", "https://a.example/x?y"),
        ("https://a.example:80", "https://a.example:80/"),
        ("http://a.example:?q=@x:y", "http://a.example/?q=@x:y"),
        ("https://bücher.example/ä%20b", "https://xn--bcher-kva.example/%C3%A4%20b"),
        ("http://134744072", "http://8.8.8.8/"),
        ("http://010.8.8.8", "http://8.8.8.8/"),
        ("http://[2606:4700::0:1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("http://[64:ff9b::8.8.8.8]", "http://[64:ff9b::808:808]/"),
        ("http://[::ffff:8.8.8.8]", "http://[::ffff:808:808]/"),
        ("http://_dmarc.a_b.example/../x", "http://_dmarc.a_b.example/../x"),
    ],
)
def test_what_is_public_has_one_form(url: str, canonical: str) -> None:
    target = parse_target(url)
    check_target(target, Allowed())
    assert target.url == canonical
    assert parse_target(canonical) == target


@given(st.text(max_size=60), st.sampled_from(("", "http://", "https://a.example/", "http://[", "http://1.")))
def test_any_text_is_a_target_or_refused(text: str, start: str) -> None:
    try:
        target = parse_target(start + text)
    except AddressRefused:
        pass
    else:
        assert parse_target(target.url) == target


@given(st.ip_addresses(v=4))
def test_an_address_in_another_dress_is_judged_alike(address: IPv4Address) -> None:
    mapped, translated = IPv6Address(f"::ffff:{address}"), IPv6Address(f"64:ff9b::{address}")
    assert is_public(address) == is_public(mapped) == is_public(translated)
    assert address.is_global or not is_public(address)
    assert not is_public(IPv6Address(f"::{address}"))
    assert not is_public(IPv6Address(f"2002:{int(address) >> 16:x}:{int(address) & 65535:x}::1"))


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b?c", "https://a.example/b?c"),
        ("b", "https://a.example/x/b"),
        ("//b.example/", "https://b.example/"),
        ("http://b.example:81", "http://b.example:81/"),
        ("", "https://a.example/x/y"),
    ],
)
def test_a_redirect_leads_where_its_location_says(location: str, url: str) -> None:
    assert follow(parse_target("https://a.example/x/y"), location).url == url


@pytest.mark.parametrize("location", ["ftp://b", "http://u@b", "\\\\127.0.0.1", "/a\tb", "http://[", "x" * 9000])
def test_a_redirect_to_what_is_no_address_is_refused(location: str) -> None:
    with pytest.raises(AddressRefused):
        follow(parse_target("https://a.example/"), location)


@pytest.mark.parametrize(
    ("entry", "url", "is_allowed"),
    [
        ("localhost", "http://localhost:99/", True),
        ("localhost:11434", "http://LOCALHOST.:11434/", True),
        ("localhost:11434", "http://localhost:11435/", False),
        ("localhost", "http://a.localhost/", False),
        ("127.0.0.1", "http://2130706433/", True),
        ("127.0.0.1:81", "http://[::ffff:127.0.0.1]:81/", True),
        ("127.0.0.1:81", "http://127.0.0.1/", False),
        ("10.0.0.0/8", "http://10.9.8.7/", True),
        ("10.0.0.1/8", "http://10.9.8.7/", True),
        ("10.0.0.0/8", "http://11.0.0.1/", True),
        ("10.0.0.0/8", "http://192.168.0.1/", False),
        ("fd00::/8", "http://[fd12::1]/", True),
        ("fd00::5", "http://[fd00::5]/", True),
        ("[fd00::5]:80", "http://[fd00::5]/", True),
        ("[fd00::5]:81", "http://[fd00::5]/", False),
    ],
)
def test_the_operator_allows_names_addresses_and_networks(entry: str, url: str, is_allowed: bool) -> None:
    target, allowed = parse_target(url), allowed_of([entry])
    if is_allowed:
        check_target(target, allowed)
    else:
        with pytest.raises(AddressRefused):
            check_target(target, allowed)


@pytest.mark.parametrize(
    "entry", ["", "http://a", "*", "*.a", "a/b", "10.0.0.0/33", "a:0", "a:99999", "1.2.3", "::z", "a b"]
)
def test_a_wrong_entry_is_named_by_its_place(entry: str) -> None:
    with pytest.raises(ValueError, match=r"^entry 2 "):
        allowed_of(["localhost", entry])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "a"),
        ("content-length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Proxy-Authorization", "x"),
        ("Connection", "upgrade"),
        ("a b", "x"),
        ("", "x"),
        ("X-A", "a\r\nX-B: b"),
        ("X-A", "\x00"),
        ("X-A", "\u2028"),
        ("X-A", "a" * 9000),
    ],
)
def test_headers_that_are_not_the_callers_are_refused(name: str, value: str) -> None:
    with pytest.raises(HeaderRefused):
        check_headers({name: value})


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("PUT", 301, "PUT"),
        ("DELETE", 302, "DELETE"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("GET", 301, "GET"),
    ],
)
def test_a_redirect_keeps_or_changes_the_method(method: str, status: int, then: str) -> None:
    here, there = parse_target("http://a.example/1"), parse_target("http://a.example/2")
    call = Call(method, here.url, {"Content-Type": "a/b", "X-Key": "k"}, b"body")  # type: ignore[arg-type]
    after = redirected(call, status, here, there)
    keeps = then == method
    assert (after.method, after.url, after.body) == (then, there.url, b"body" if keeps else None)
    assert dict(after.headers) == ({"Content-Type": "a/b", "X-Key": "k"} if keeps else {"X-Key": "k"})


@pytest.mark.parametrize("there", ["https://a.example/", "http://b.example/", "http://a.example:81/"])
def test_another_origin_gets_no_secret(there: str) -> None:
    here = parse_target("http://a.example/")
    secrets = {"Authorization": "x", "Cookie": "x", "X-Api-Key": "x", "api_key": "x"}
    call = Call("POST", here.url, {**secrets, "Content-Type": "a/b", "Accept": "c/d"}, b"body")
    after = redirected(call, 307, here, parse_target(there))
    assert (dict(after.headers), after.body) == ({"Content-Type": "a/b", "Accept": "c/d"}, b"body")
