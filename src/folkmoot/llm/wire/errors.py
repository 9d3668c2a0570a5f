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
    ContextOverflow,
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
# OpenAI, vLLM, llama.cpp and its Python binding, Gemini, Ollama, Mistral, xAI, and servers that pass Anthropic's on.
_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|context.window.exceeded|maximum context length"
    r"|exceeds? the (?:available |model's )?(?:maximum )?context|exceeds? (?:context window|model's maximum context)"
    r"|input token count.{0,40}exceeds|longer than the (?:model's )?(?:maximum )?context|maximum prompt length"
    r"|prompt is too long|reduce the length of the (?:messages|prompt)"
)
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
    try:
        error = _error(lenient_loads(body))
    except ValueError:
        error = None  # a proxy's HTML page, say
    return _fault(status, error, place, retry_after)


def fault_in(error: Json, place: Place) -> ModelFault:
    """The fault an error object stands for that came in an answer or stream which began as 200."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code <= 599 else 500
    return _fault(status, error, place, None)


def _fault(status: int, error: Json, place: Place, retry_after: str | None) -> ModelFault:
    said, pause = _message(error), retry_after or _pause_in(error)
    kind = _kind(status, f"{said} {_codes(error)}".lower(), has_pause=pause is not None)
    sentence = f"{(kind.__doc__ or '').strip()} ({place.provider} answered {status})"
    excerpt = cleaned(said, place.key)
    if excerpt:
        sentence = f"{sentence}: {excerpt}"
    if kind is RateLimited:
        return RateLimited(sentence, provider=place.provider, retry_after=_seconds(pause))
    return kind(sentence, provider=place.provider)


def is_overflow(said: str) -> bool:
    """Whether a server's complaint is that the conversation is too long for the model."""
    return _OVERFLOW.search(said.lower()) is not None


def cleaned(said: str, key: str | None) -> str:
    """A short line of what a provider said, its key and all that looks like one hidden."""
    said = clean_text(said)
    if key:
        said = said.replace(key, HIDDEN)
    if key and len(key) >= SHORTEST:  # they like to show how it begins
        said = re.sub(re.escape(key[:8]) + r"[^\s\"']*", HIDDEN, said)
    return _SECRET.sub(HIDDEN, " ".join(said.split()))[:_MAX_EXCERPT]


def _kind(status: int, said: str, *, has_pause: bool) -> type[ModelFault]:
    if status == 429 and ("insufficient_quota" in said or ("exceeded your current quota" in said and not has_pause)):
        return QuotaExceeded  # Gemini says it of its rate limits too, but with a pause after which it answers again
    if status == 503 and has_pause:
        return RateLimited
    if status in (400, 413, 422, 500) and is_overflow(said):
        return ContextOverflow
    if status == 400 and "api key" in said:
        return CredentialsRefused  # Gemini's way of saying it
    if status == 400 and "invalid model name" in said:
        return ModelNotFound  # Ollama's, of a name that can be none
    if status >= 500:
        return ProviderError
    return _BY_STATUS.get(status, RequestRefused)


def _error(body: Json) -> Json:
    """The error in an error answer's body."""
    if isinstance(body, list) and body:
        body = body[0]  # Gemini wraps its errors into a list
    return body.get("error", body) if isinstance(body, dict) else None


def _codes(error: Json) -> str:
    named = [error.get("code"), error.get("type")] if isinstance(error, dict) else []
    return " ".join(name for name in named if isinstance(name, str))


def _pause_in(error: Json) -> str | None:
    """The pause that Gemini asks for, in seconds: it stands in the details of its error, not in a header."""
    details = error.get("details") if isinstance(error, dict) else None
    for detail in details if isinstance(details, list) else []:
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str):
            return delay.removesuffix("s")
    return None


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
