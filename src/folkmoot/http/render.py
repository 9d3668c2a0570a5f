"""The renderer of this edge: whatever was raised becomes one problem document."""

import math
from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from folkmoot.http.problems import MEDIA_TYPE, document
from folkmoot.http.requests import marked
from folkmoot.kernel.errors import BadRequest, Forbidden, Invalid, NotFound, Problem
from folkmoot.kernel.json import Json, dumps

ERRORS = 20
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CHARACTERS = 300


class NoSuchPath(NotFound):
    """Not found"""


class MethodNotAllowed(Problem):
    """Method not allowed"""

    status = 405


class InternalError(Problem):
    """Internal server error"""


_FRAMEWORK: dict[int, type[Problem]] = {401: Forbidden, 403: Forbidden, 404: NoSuchPath, 405: MethodNotAllowed}


def answer(connection: HTTPConnection, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response; on a socket's handshake it denies the socket."""
    facts = problem.facts
    if problem.status == 422 and "errors" not in facts:
        facts["errors"] = [{"loc": ["body"], "msg": problem.detail, "type": problem.code}]
    if isinstance(found := facts.get("errors"), list):
        facts["errors"] = [_reason(item) for item in found[:ERRORS] if isinstance(item, dict)]
    state = connection.state
    response = Response(
        dumps(document(problem, state.path[:2000], state.request_id)), problem.status, headers, MEDIA_TYPE
    )
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    retry_after = facts.get("retry_after_seconds", 1 if problem.status == 503 else None)
    if isinstance(retry_after, int | float):
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return response


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(request, error)


async def _framework(request: Request, error: Exception) -> Response:
    """What the framework itself raises: an unknown path, a wrong method, a body it cannot read."""
    assert isinstance(error, HTTPException)
    fallback = InternalError if error.status_code >= 500 else BadRequest
    headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else error.headers
    return answer(request, _FRAMEWORK.get(error.status_code, fallback)(), headers)


def _allowed(request: Request) -> list[str]:
    """Of all routes at the path; the framework tells those of the first."""
    routes: list[BaseRoute] = request.app.router.routes
    tried = ({**request.scope, "method": method} for method in METHODS)
    return [scope["method"] for scope in tried if any(route.matches(scope)[0] == Match.FULL for route in routes)]


async def _invalid(request: Request, error: Exception) -> Response:
    """422 with places and reasons, never with what was sent."""
    assert isinstance(error, RequestValidationError | WebSocketRequestValidationError)
    errors: list[Json] = [_reason(item) for item in error.errors()[:ERRORS]]
    return answer(request, Invalid(errors=errors))


def _reason(error: Mapping[str, object]) -> Json:
    place = error.get("loc", ())
    assert isinstance(place, Sequence)
    loc: list[Json] = [part if isinstance(part, int) else str(part)[:64] for part in place[:12]]
    return {"loc": loc, "msg": str(error.get("msg"))[:_CHARACTERS], "type": str(error.get("type"))[:64]}


async def _bug(request: Request, _: Exception) -> Response:
    """Sent by the outermost layer of the framework, which then raises on, so that the server logs the bug."""
    response = answer(request, InternalError())
    response.raw_headers = marked(request.scope, response.raw_headers)
    return response


def add_renderers(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(WebSocketRequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _bug)
