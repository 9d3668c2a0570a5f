"""What `folkmoot doctor` asks: each part of the surroundings by itself, and what to do where one is not well."""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from folkmoot.cli.checkup_tools import unknown_by_name
from folkmoot.cli.environment import shown_database
from folkmoot.cli.refusals import refusals
from folkmoot.db.lanes import DatabaseUnavailable
from folkmoot.engine.holder import read_holder
from folkmoot.engine.liveness import is_lived
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.settings import Settings
from folkmoot.llm.embeddings import EmbedRequest
from folkmoot.llm.faults import AnswerEmpty, AnswerFiltered, AnswerTruncated, ModelFault
from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import User
from folkmoot.llm.settings import LlmLimits, llm_settings
from folkmoot.migrations import pgvector
from folkmoot.migrations.upgrade import connected, current, head
from folkmoot.tools.loading import ToolPackageFailed

State = Literal["ok", "warning", "failed"]

_PATIENCE_SECONDS = 5.0
_MODEL_LIMITS = LlmLimits(connect=5, first_token=20, idle=20, total=30, sleep_in_place=0)
_SHOWN = 10
_MEGABYTE = 1_000_000
_LITTLE, _TOO_LITTLE = 1000 * _MEGABYTE, 100 * _MEGABYTE


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part is; `advice` says what to do where it is not well."""

    part: str
    state: State
    text: str
    advice: str | None = None


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """One part after the other. Changes nothing, and makes no file; the language model is really asked."""
    refused = refusals(settings)
    for name, why in refused.items():
        yield Finding("settings", "failed", why, f"Change {name}")
    if not refused:
        yield Finding("settings", "ok", "can be read, and a start refuses none of them")
    yield _disk(settings)
    if "DATABASE_URL" not in refused:
        found = await _database(settings)
        for finding in found:
            yield finding
        if not refused and _revision(head()) in found:
            for finding in await _tools(settings):
                yield finding
    if settings.redis_url is not None:
        yield await _redis(settings.redis_url.get_secret_value())
    if not refused.keys() & {"DEFAULT_MODEL", "EMBEDDING_MODEL"}:
        async for finding in _models(settings):
            yield finding


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        advice = f"Make {there} a folder that this user may write to, or set DATA_DIR"
        return Finding("disk", "failed", f"{folder} cannot be written to", advice)
    free = shutil.disk_usage(there).free
    text = f"{free // _MEGABYTE:,} MB free for {folder}"
    if free >= _LITTLE:
        return Finding("disk", "ok", text)
    state: State = "failed" if free < _TOO_LITTLE else "warning"
    return Finding("disk", state, text, "Make room, or set DATA_DIR to a folder on another disk")


async def _database(settings: Settings) -> list[Finding]:
    shown = shown_database(settings)
    try:
        at = await asyncio.wait_for(asyncio.to_thread(current, settings.direct_database_url), 4 * _PATIENCE_SECONDS)
        found = [Finding("database", "ok", f"{shown} can be reached"), _revision(at), await _worker(settings)]
        if settings.is_postgres and settings.embedding_model is not None:
            said = await asyncio.to_thread(connected, settings.direct_database_url, pgvector.state)
            found.append(Finding("vectors", "ok", said))
    except DatabaseUnavailable as problem:
        return [Finding("database", "failed", f"{shown}: {_why(problem)}", _advice(settings))]
    except Problem as problem:
        return [Finding("database", "failed", problem.detail, _advice(settings))]
    except TimeoutError:
        return [Finding("database", "failed", f"{shown} does not answer", _advice(settings))]
    if at is None and not settings.is_postgres:
        found[0] = Finding("database", "ok", f"{shown} is not there, or empty; the first start fills it")
    return found


def _revision(at: str | None) -> Finding:
    newest = head()
    if at == newest:
        return Finding("migrations", "ok", f"at {at}, the newest")
    if at is None:
        return Finding("migrations", "ok", f"nothing yet; the first start goes to {newest}")
    if at < newest:
        return Finding("migrations", "warning", f"at {at}, behind {newest}", "Run folkmoot db upgrade, or start")
    advice = f"Use the newer Folkmoot, or let that one run folkmoot db downgrade {newest}"
    return Finding("migrations", "failed", f"at {at}, which a newer Folkmoot has written", advice)


async def _tools(settings: Settings) -> list[Finding]:
    """Nothing is said of tools that are all there."""
    try:
        unknown = await unknown_by_name(settings)
    except ToolPackageFailed as problem:
        return [Finding("tools", "failed", problem.detail, "Repair or uninstall the package")]
    except DatabaseUnavailable as problem:
        return [Finding("tools", "warning", _why(problem), "Ask again once the database answers")]
    if not unknown:
        return []
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    advice = "Write the names of tools as folkmoot tools list does, or bring the MCP server back"
    return [Finding("tools", "warning", f"there is no such tool: {'; '.join(unknown[:_SHOWN])}{more}", advice)]


async def _worker(settings: Settings) -> Finding:
    """Who works the runs; that nobody does is well while no server is meant to run."""
    if settings.is_postgres:
        works = await asyncio.wait_for(is_lived(settings.direct_database_url), _PATIENCE_SECONDS)
        return Finding("worker", "ok", "a server works the runs" if works else "nobody works the runs right now")
    try:
        holder = read_holder(settings.data_dir)
    except OSError as error:
        advice = "Make DATA_DIR a folder that this user may read and write"
        return Finding("worker", "failed", f"{settings.data_dir}: {error.strerror}", advice)
    if holder is None:
        return Finding("worker", "ok", f"nobody works on {settings.data_dir} right now")
    who = f"a server at {holder.address}" if holder.address else "a folkmoot command"
    return Finding("worker", "ok", f"{who} (process {holder.pid}) works on {settings.data_dir}")


def _advice(settings: Settings) -> str:
    if settings.is_postgres:
        return "See that PostgreSQL runs there and lets this user in; set DATABASE_URL, or DB_HOST and its parts"
    return "Restore the file from a copy, or set DATABASE_URL or DATA_DIR to another place"


def _why(problem: Problem) -> str:
    cause = problem.__cause__
    said = str(getattr(cause, "orig", None) or cause or problem.detail)
    return " ".join(said.split())[:200]


async def _redis(url: str) -> Finding:
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 6379}"
    try:
        said = await asyncio.wait_for(_ping(url), _PATIENCE_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        return Finding(
            "redis", "failed", f"{where}: {str(error) or 'no answer'}", "Start Redis there, or change REDIS_URL"
        )
    if said.startswith("+PONG"):
        return Finding("redis", "ok", f"{where} answers")
    return Finding("redis", "failed", f"{where}: {said.lstrip('-')}", "Change the login in REDIS_URL")


async def _ping(url: str) -> str:
    """What a Redis says to PING: `+PONG`, or an error that begins with `-`."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("REDIS_URL is redis://host:port or rediss://host:port")
    tls = ssl.create_default_context() if parts.scheme == "rediss" else None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 6379, ssl=tls)
    try:
        if parts.password is not None:
            writer.write(_spoken("AUTH", *filter(None, (unquote(parts.username or ""), unquote(parts.password)))))
            if not (answer := await reader.readline()).startswith(b"+"):
                return answer.decode(errors="replace").strip()
        writer.write(_spoken("PING"))
        return (await reader.readline()).decode(errors="replace").strip()
    finally:
        writer.close()


def _spoken(*words: str) -> bytes:
    parts = (f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{''.join(parts)}".encode()


async def _models(settings: Settings) -> AsyncIterator[Finding]:
    """The default model, the one for embeddings, and the providers that only agents name."""
    gateway = Gateway(llm_settings(settings, _MODEL_LIMITS))
    try:
        yield await _model(gateway)
        if gateway.embedding_model is not None:
            yield await _embeddings(gateway, gateway.embedding_model)
        asked = {name.partition(":")[0] for name in (gateway.default_model, gateway.embedding_model or "")}
        for name in gateway.catalogue.providers():
            if name not in {*asked, "practice"}:
                yield await _provider(gateway, name)
    finally:
        await gateway.aclose()


async def _model(gateway: Gateway) -> Finding:
    if gateway.is_practice:
        return Finding("model", "ok", gateway.describe())
    try:
        await gateway.ask(Request(messages=(User("Answer with the word yes."),), max_tokens=16))
    except (AnswerEmpty, AnswerFiltered, AnswerTruncated):
        return Finding("model", "ok", f"{gateway.describe()} answers")
    except ModelFault as fault:
        advice = "See that the provider runs and takes the key; set DEFAULT_MODEL, its address and its key"
        return Finding("model", "failed", f"{gateway.describe()}: {fault.detail}", advice)
    return Finding("model", "ok", f"{gateway.describe()} answers")


async def _embeddings(gateway: Gateway, name: str) -> Finding:
    try:
        found = await gateway.embed(EmbedRequest(texts=("yes",)))
    except ModelFault as fault:
        advice = "See that the provider runs and has this model; set EMBEDDING_MODEL, its address and its key"
        return Finding("embeddings", "failed", f"{name}: {fault.detail}", advice)
    return Finding("embeddings", "ok", f"{name} answers with {len(found.vectors[0])} dimensions")


async def _provider(gateway: Gateway, name: str) -> Finding:
    """One that no default needs is not asked for an answer, which may cost."""
    try:
        models = await gateway.catalogue.listed(name)
    except ModelFault as fault:
        return Finding(name, "warning", fault.detail, "See that the provider runs and takes the key, or unset both")
    return Finding(name, "ok", f"lists {len(models)} models")
