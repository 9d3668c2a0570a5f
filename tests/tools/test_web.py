"""What an agent sees of a page: its text, and of addresses that are not public nothing."""

import pytest

from folkmoot.db.database import Database
from folkmoot.kernel.scope import Scope
from folkmoot.net.calls import Answer
from folkmoot.net.client import GuardedClient
from folkmoot.tools.builtin import builtin_tools
from folkmoot.tools.registry import ToolContext, ToolRegistry
from folkmoot.tools.web import NotText, text_of

PAGE = b"""<html><head><title>T</title><script>bad()</script></head><body><h1>Zebras &amp; co</h1>
<p>Are   <b>striped</b>.</p><style>p {}</style><ul><li>one</li><li>two</li></ul></body></html>"""


def page(body: bytes, kind: str | None) -> Answer:
    return Answer(200, {"content-type": kind} if kind else {}, body, "https://example.org/")


def test_of_html_a_reader_sees_the_text() -> None:
    assert text_of(page(PAGE, "text/html; charset=utf-8")) == "Zebras & co\nAre striped.\none\ntwo"


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/problem+json", None])
def test_text_is_left_as_it_is(kind: str | None) -> None:
    assert text_of(page(b'{"a":  1}\xff', kind)) == '{"a":  1}\ufffd'


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream"])
def test_other_things_are_not_text(kind: str) -> None:
    with pytest.raises(NotText):
        text_of(page(b"\x89PNG", kind))


async def test_only_public_addresses_are_read(db: Database, scope: Scope) -> None:
    client = GuardedClient()
    tools, context = ToolRegistry(builtin_tools(client)), ToolContext(scope=scope, db=db)
    for url in ("http://127.0.0.1:8000/api/users", "http://169.254.169.254/", "file:///etc/passwd", "x"):
        answer = await tools.use(context, "fetch_url", {"url": url})
        assert answer["is_error"] is True, url
    await client.aclose()
