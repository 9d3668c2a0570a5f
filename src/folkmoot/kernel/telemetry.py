"""Opening the tracer that the settings ask for: none, unless a collector is named."""

from importlib import import_module
from importlib.util import find_spec
from typing import cast
from urllib.parse import unquote

from folkmoot.kernel.hiding import Hider
from folkmoot.kernel.settings import Settings, WrongSetting, reveal, secrets_in
from folkmoot.kernel.tracing import OFF, Tracer

_NEEDED = "opentelemetry.exporter.otlp.proto.http"


def open_tracer(settings: Settings, version: str) -> Tracer:
    """Loads OpenTelemetry only where it is wanted. Raises WrongSetting where it is not installed."""
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        return OFF
    if not _is_installed():
        raise WrongSetting(
            "OTEL_EXPORTER_OTLP_ENDPOINT: it needs the extra telemetry: pip install 'folkmoot[telemetry]'"
        )
    opened = import_module("folkmoot.kernel.collector").Collector(
        f"{endpoint.rstrip('/')}/v1/traces",
        headers_of(reveal(settings.otel_exporter_otlp_headers) or ""),
        {"service.name": settings.otel_service_name, "service.version": version},
        Hider(secrets_in(settings)),
        with_content=settings.otel_instrumentation_genai_capture_message_content,
    )
    return cast(Tracer, opened)


def _is_installed() -> bool:
    try:
        return find_spec(_NEEDED) is not None
    except ModuleNotFoundError:
        return False


def headers_of(text: str) -> dict[str, str]:
    """As OpenTelemetry writes them: `name=value`, comma-separated, percent-encoded. Raises WrongSetting."""
    found = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise WrongSetting("OTEL_EXPORTER_OTLP_HEADERS: as name=value, comma-separated")
        found[name.strip().lower()] = unquote(value.strip())
    return found
