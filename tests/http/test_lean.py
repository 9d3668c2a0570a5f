"""A lean route answers as FastAPI's own would, whatever is sent; what it cannot read it refuses at the start."""

from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Response
from fastapi.routing import APIRoute
from httpx2 import ASGITransport, AsyncClient
from httpx2 import Response as Answer
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from folkmoot.http.body import BodyGuard
from folkmoot.http.figures import Figures
from folkmoot.http.lean import LeanRoute
from folkmoot.http.render import add_renderers
from folkmoot.http.requests import Requests
from folkmoot.kernel.errors import Forbidden
from folkmoot.kernel.json import dumps


class New(BaseModel):
    text: str
    number: Annotated[int, Path(ge=0)] = 0


class NoGuests(Forbidden):
    """Guests stay outside"""


async def _guest(connection: HTTPConnection) -> str:
    return connection.headers.get("x-guest", "nobody")


async def _no_guests(connection: HTTPConnection) -> None:
    if "x-guest" in connection.headers:
        raise NoGuests


async def echo(
    who: Annotated[str, Depends(_guest)],
    name: Annotated[str, Path(max_length=8)],
    new: New,
    if_match: Annotated[int | None, Header(ge=1)] = None,
    x_needed: Annotated[str, Header(max_length=3)] = "yes",
) -> Response:
    return Response(dumps([who, name, new.text, new.number, if_match, x_needed]), media_type="application/json")


async def search(query: Annotated[str, Query()]) -> Response:
    return Response(query)


async def nested(found: Annotated[str, Depends(search)]) -> Response:
    return Response(found)


def _app() -> FastAPI:
    app = FastAPI()
    for prefix, kind in (("/general", APIRoute), ("/lean", LeanRoute)):
        router = APIRouter(prefix=prefix, route_class=kind)
        router.post("/{name}")(echo)
        router.post("/{name}/closed", dependencies=[Depends(_no_guests)])(echo)
        app.include_router(router)
    add_renderers(app)
    return app


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    layers = Requests(BodyGuard(_app()), Figures())
    async with AsyncClient(transport=ASGITransport(layers), base_url="http://here") as opened:
        yield opened


JSON = {"content-type": "application/json"}
GOOD = b'{"text": "a", "number": 1}'
REQUESTS: list[tuple[str, dict[str, str], bytes]] = [
    ("ada", JSON, GOOD),
    ("ada", {**JSON, "if-match": "7", "x-guest": "Eve"}, GOOD),
    ("ada/closed", {**JSON, "x-guest": "Eve"}, b"[]"),
    ("ada", {"content-type": "Application/JSON; charset=utf-8"}, GOOD),
    ("ada", {"content-type": "application/problem+json"}, GOOD),
    ("ada", {"content-type": "text/plain"}, GOOD),
    ("ada", {}, GOOD),
    ("ada", {}, b""),
    ("ada", JSON, b""),
    ("ada", JSON, b"null"),
    ("ada", JSON, b"false"),
    ("ada", JSON, b"[]"),
    ("ada", JSON, b"{}"),
    ("ada", JSON, b'{"text": 1, "number": -1}'),
    ("ada", JSON, b'{"text": "a", "number": 9223372036854775807}'),
    ("ada", JSON, b'{"text": "a", "number": 1.0}'),
    ("ada", {**JSON, "if-match": "0"}, GOOD),
    ("ada", {**JSON, "if-match": "x"}, b"{}"),
    ("ada", {**JSON, "if-match": ""}, GOOD),
    ("ada", {**JSON, "x-needed": "long"}, b"null"),
    ("much-too-long", {**JSON, "if-match": "x"}, b"{"),
    ("much-too-long", {**JSON, "if-match": "x"}, b"{}"),
    ("%C3%A4", JSON, GOOD),
]


def _said(answer: Answer) -> object:
    """But for where and when."""
    said = answer.json()
    if isinstance(said, dict):
        assert said.pop("instance")
        assert said.pop("timestamp")
    return said


@pytest.mark.parametrize(("path", "headers", "body"), REQUESTS)
async def test_it_answers_as_the_general_one(
    client: AsyncClient, path: str, headers: dict[str, str], body: bytes
) -> None:
    asked = {**headers, "x-request-id": "same"}
    general = await client.post(f"/general/{path}", headers=asked, content=body)
    lean = await client.post(f"/lean/{path}", headers=asked, content=body)
    assert lean.status_code == general.status_code
    assert _said(lean) == _said(general)


async def test_an_override_holds() -> None:
    app = _app()
    app.dependency_overrides[_guest] = lambda: "somebody else"
    async with AsyncClient(transport=ASGITransport(app), base_url="http://here") as client:
        answer = await client.post("/lean/ada", headers=JSON, content=GOOD)
    assert answer.json()[0] == "somebody else"


@pytest.mark.parametrize("endpoint", [search, nested])
def test_what_asks_for_more_is_refused(endpoint: object) -> None:
    router = APIRouter(route_class=LeanRoute)
    with pytest.raises(TypeError, match="more than a lean route reads"):
        router.add_api_route("/more", endpoint)  # type: ignore[arg-type]
