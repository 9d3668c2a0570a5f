"""What comes out the same for every application of a process is worked out once: most of what a test's start took.

A server works these things out once in its life; the suite starts hundreds of applications in each process.
"""

from collections.abc import Callable, Hashable
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpcore2
import pytest
import sqlalchemy as sa
from fastapi.dependencies import utils
from fastapi.dependencies.models import Dependant
from fastapi.routing import _IncludedRouter
from fastapi.utils import create_model_field
from pydantic import BaseModel

from folkmoot.db.prepared import Shelf
from folkmoot.db.sqlite import sqlite_engine
from folkmoot.http.openapi import Api


def work_out_once(patch: pytest.MonkeyPatch) -> None:
    """From here on, and until `patch` is undone."""
    _read_routes_once(patch)
    _compile_once(patch)
    _document_once(patch)
    _describe_once(patch)
    known_entry_points = cache(entry_points)
    for module in ("folkmoot.agents.loading", "folkmoot.tools.loading"):
        patch.setattr(f"{module}.entry_points", known_entry_points)
    patch.setattr("httpx2._transports.asgi.is_running_trio", lambda: False)  # it looks for trio at every request
    patch.setattr("httpcore2.default_ssl_context", cache(httpcore2.default_ssl_context))


def _read_routes_once(patch: pytest.MonkeyPatch) -> None:
    """What FastAPI reads out of a route's function, and what it makes of an included router when it is first asked."""
    known = dict[tuple[str, Callable[..., Any]], Dependant]()
    included = dict[Hashable, tuple[_IncludedRouter, Any]]()
    real = _IncludedRouter.effective_candidates

    def get_dependant(*, path: str, call: Callable[..., Any], **how: Any) -> Dependant:
        if not str(getattr(call, "__module__", "")).startswith("folkmoot."):
            return utils.get_dependant(path=path, call=call, **how)
        if (path, call) not in known:
            known[path, call] = utils.get_dependant(path=path, call=call, **how)
        return replace(known[path, call], dependencies=list(known[path, call].dependencies))

    def effective_candidates(self: _IncludedRouter) -> Any:
        context, router = self.include_context, self.original_router
        if context.dependency_overrides_provider is not _ASKED:
            _asked.set(context.dependency_overrides_provider)
        if context.dependencies or context.tags or context.responses:
            return real(self)
        named = context.generate_unique_id_function
        key = (id(router), router._get_routes_version(), context.prefix, getattr(named, "value", named))
        if key not in included:
            made = _IncludedRouter(router, replace(context, dependency_overrides_provider=_ASKED))
            included[key] = made, real(made)
        return included[key][1]

    patch.setattr("fastapi.routing.get_dependant", get_dependant)
    patch.setattr("fastapi.routing.create_model_field", cache(create_model_field))
    patch.setattr(_IncludedRouter, "effective_candidates", effective_candidates)


class _Asked:
    """Stands in a route for the application that is being asked, whose overrides count."""

    @property
    def dependency_overrides(self) -> Any:
        return _asked.get().dependency_overrides


_ASKED = _Asked()
_asked = ContextVar[Any]("asked")


def _compile_once(patch: pytest.MonkeyPatch) -> None:
    """All SQLite databases compile and prepare their statements as one does."""
    shared = sqlite_engine(Path(":memory:"))
    with shared.connect():
        pass  # from here on the dialect knows what this SQLite can do

    def engine(path: Path, *pragmas: str, pool_size: int = 1) -> sa.Engine:
        made = sqlite_engine(path, *pragmas, pool_size=pool_size)
        made.dialect = made.pool._dialect = shared.dialect
        made._compiled_cache = shared._compiled_cache
        return made

    for module in ("folkmoot.db.sqlite", "folkmoot.migrations.upgrade"):
        patch.setattr(f"{module}.sqlite_engine", engine)
    patch.setattr("folkmoot.db.sqlite.Shelf", cache(Shelf))


def _document_once(patch: pytest.MonkeyPatch) -> None:
    """The whole application's OpenAPI document, as long as its routes are the same."""
    known = dict[Hashable, dict[str, Any]]()
    real = Api.openapi

    def openapi(self: Api) -> dict[str, Any]:
        if self.title != "Folkmoot":
            return real(self)
        key = tuple(_identity(route) for route in self.routes)
        if key not in known:
            known[key] = real(self)
        return known[key]

    patch.setattr(Api, "openapi", openapi)


def _describe_once(patch: pytest.MonkeyPatch) -> None:
    """The JSON Schemas of our types, which every application's tools have."""
    known = dict[type[BaseModel], dict[str, Any]]()
    real = BaseModel.model_json_schema.__func__  # type: ignore[attr-defined]

    def model_json_schema(cls: type[BaseModel], *how: Any, **named: Any) -> Any:
        if how or named or not cls.__module__.startswith("folkmoot."):
            return real(cls, *how, **named)
        if cls not in known:
            known[cls] = real(cls)
        return deepcopy(known[cls])

    patch.setattr(BaseModel, "model_json_schema", classmethod(model_json_schema))


def _identity(route: Any) -> Hashable:
    router = getattr(route, "original_router", None)
    if router is not None:
        return id(router), router._get_routes_version()
    return route.path, route.name, type(route)
