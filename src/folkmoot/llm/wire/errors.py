"""What a provider's error answer means, told without its key and without its raw body."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

from folkmoot.kernel.clock import now
from folkmoot.kernel.json import Json, clean_text
from folkmoot.llm.choice import Place
from folkmoot.llm.faults import (
    CredentialsRefused,
    ModelFault,
    ModelNotFound,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RequestRefused,
)
from folkmoot.llm.reading import lenient_loads
from folkmoot.llm.wire.veil import HIDDEN, SHORTEST

MAX_ERROR_BYTES = 65_536
_MAX_EXCERPT = 200
_MAX_RETRY_AFTER = 86_400.0
_SECRET = re.compile(r"\b(?:sk-|AIza|gsk_|Bearer\s+|key=)[\w.*-]{6,}", re.IGNORECASE)
_BY_STATUS: Final[dict[int, type[ModelFault]]] = {
    401: CredentialsRefused,
    402: QuotaExceeded,
    403: CredentialsRefused,
    404: ModelNotFound,
    408: ProviderError,
    409: ProviderError,
    425: ProviderError,
    429: RateLimited,
}


def fault_of(status: int, body: bytes, place: Place, retry_after: str | None = None) -> ModelFault:
    """The fault an error answer stands for; `retry_after` is the header as it came."""
    said, code = _said(body)
    kind = _kind(status, f"{said} {code}".lower(), has_pause=retry_after is not None)
    sentence = f"{(kind.__doc__ or '').strip()} ({place.provider} answered {status})"
    excerpt = cleaned(said, place.key)
    if excerpt:
        sentence = f"{sentence}: {excerpt}"
    if kind is RateLimited:
        return RateLimited(sentence, provider=place.provider, retry_after=_seconds(retry_after))
    return kind(sentence, provider=place.provider)


def fault_in(error: Json, place: Place) -> ModelFault:
    """The fault an error object stands for that came in an answer or stream which began as 200."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code <= 599 else 500
    said = _message(error)
    return fault_of(status, b"", place) if not said else _with(fault_of(status, b"", place), said, place)


def cleaned(said: str, key: str | None) -> str:
    """A short line of what a provider said, its key and all that looks like one hidden."""
    said = clean_text(said)
    if key:
        said = said.replace(key, HIDDEN)
    if key and len(key) >= SHORTEST:  # they like to show how it begins
        said = re.sub(re.escape(key[:8]) + r"[^\s\"']*", HIDDEN, said)
    return _SECRET.sub(HIDDEN, " ".join(said.split()))[:_MAX_EXCERPT]


def _with(fault: ModelFault, said: str, place: Place) -> ModelFault:
    return type(fault)(f"{fault.detail}: {cleaned(said, place.key)}", **fault.facts)


def _kind(status: int, said: str, *, has_pause: bool) -> type[ModelFault]:
    if status == 429 and ("insufficient_quota" in said or "exceeded your current quota" in said):
        return QuotaExceeded
    if status == 503 and has_pause:
        return RateLimited
    if status == 400 and "api key" in said:
        return CredentialsRefused  # Gemini's way of saying it
    if status >= 500:
        return ProviderError
    return _BY_STATUS.get(status, RequestRefused)


def _said(body: bytes) -> tuple[str, str]:
    """The message and code of an error body, empty where it is not JSON (a proxy's HTML page, say)."""
    try:
        value = lenient_loads(body)
    except ValueError:
        return "", ""
    if isinstance(value, list) and value:
        value = value[0]  # Gemini wraps its errors into a list
    if not isinstance(value, dict):
        return "", ""
    error = value.get("error", value)
    code = error.get("code") if isinstance(error, dict) else None
    return _message(error), code if isinstance(code, str) else ""


def _message(error: Json) -> str:
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        for key in ("message", "detail", "error"):
            said = error.get(key)
            if isinstance(said, str):
                return said
    return ""


def _seconds(header: str | None) -> float:
    """Retry-After as seconds: a number, or a date; 0 where it is neither."""
    if header is None:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return 0.0
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now()).total_seconds()
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER) if isfinite(seconds) else 0.0
