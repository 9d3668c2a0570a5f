"""A route on the hot path: what FastAPI works out again at every request is worked out once."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from folkmoot.http.body import is_json
from folkmoot.kernel.json import JsonObject, loads

_ABSENT = object()


class LeanRoute(APIRoute):
    """For endpoints that answer with a Response of their own and ask for no more than `Asked` reads.

    Declared, documented and checked as every other route; where a dependency is overridden it is one. Raises
    TypeError where an endpoint asks for more.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        general, asked = super().get_route_handler(), Asked(self.dependant)

        async def handle(request: Request) -> Response:
            if request.app.dependency_overrides:
                return await general(request)
            return await asked.endpoint(**await asked.read(request))

        return handle


class Asked:
    """What an endpoint asks for: dependencies of the connection alone, parts of the path, headers, one JSON body."""

    def __init__(self, dependant: Dependant) -> None:
        if not all(map(_is_of_connection, dependant.dependencies)) or _asks_for_more(dependant):
            raise TypeError(f"{dependant.path} asks for more than a lean route reads")
        assert dependant.call is not None, "a route has its endpoint"
        self.endpoint: Callable[..., Awaitable[Response]] = dependant.call
        self._needed: list[tuple[str | None, Callable[[Request], Awaitable[object]]]] = [
            (below.name, below.call) for below in dependant.dependencies if below.call is not None
        ]
        self._path = [(field, field.alias) for field in dependant.path_params]
        self._headers = [(field, field.alias) for field in dependant.header_params]
        self._body = dependant.body_params[0] if dependant.body_params else None

    async def read(self, request: Request) -> dict[str, object]:
        """The endpoint's arguments. Raises what the dependencies raise, then RequestValidationError."""
        values: dict[str, object] = {}
        for name, call in self._needed:
            found = await call(request)
            if name is not None:
                values[name] = found
        errors: list[JsonObject] = []
        for field, alias in self._path:
            values[field.name] = _valid(field, request.path_params[alias], ("path", alias), errors)
        for field, alias in self._headers:
            values[field.name] = _valid(field, request.headers.get(alias, _ABSENT), ("header", alias), errors)
        if self._body is not None:
            values[self._body.name] = _valid(self._body, await _sent(request), ("body",), errors)
        if errors:
            raise RequestValidationError(errors)
        return values


async def _sent(request: Request) -> object:
    """The body, which the guard has read and found to be JSON where it says that it is."""
    body = await request.body()
    return loads(body) if body and is_json(request.scope) else body or _ABSENT


def _valid(field: Any, value: object, loc: tuple[str, ...], errors: list[JsonObject]) -> object:
    if value is not _ABSENT:
        found, wrong = field.validate(value, loc=loc)
        errors.extend(wrong)
        return found
    if field.field_info.is_required():
        errors.append({"type": "missing", "loc": [*loc], "msg": "Field required"})
        return None
    return field.default


def _is_of_connection(below: Dependant) -> bool:
    is_asking = below.path_params or below.header_params or below.body_params or _asks_for_more(below)
    return below.http_connection_param_name is not None and not (is_asking or below.dependencies or below.scope)


def _asks_for_more(dependant: Dependant) -> bool:
    return bool(
        dependant.query_params
        or dependant.cookie_params
        or len(dependant.body_params) > 1
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
    )
