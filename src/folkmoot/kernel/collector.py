"""Tracing into an OpenTelemetry collector, by OTLP over HTTP. Imported only where one is named: it needs the extra."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from folkmoot.kernel.hiding import Hider
from folkmoot.kernel.origin import origin, within
from folkmoot.kernel.tracing import Attribute, Attributes, Kind, Span

_KINDS = {"server": trace.SpanKind.SERVER, "client": trace.SpanKind.CLIENT, "internal": trace.SpanKind.INTERNAL}
_PROPAGATOR = TraceContextTextMapPropagator()
_PARENT = "traceparent"
_LAST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A span of the SDK; no secret of the settings gets into it."""

    span: trace.Span
    hider: Hider

    def set(self, attributes: Attributes, /) -> None:
        for name, value in attributes.items():
            self.span.set_attribute(name, self._shown(value))

    def rename(self, name: str, /) -> None:
        self.span.update_name(name)

    def fail(self, kind: str, /) -> None:
        self.span.set_status(trace.StatusCode.ERROR)
        self.span.set_attribute("error.type", kind)

    def _shown(self, value: Attribute) -> Attribute:
        return self.hider.over(value) if isinstance(value, str) else value


class Collector:
    """The Tracer of a process: spans are gathered and sent by a thread of the SDK, nothing waits for it.

    `url` is where traces go, its path included. How many are gathered, which are sampled and what else the SDK
    can be told is said by OpenTelemetry's own environment variables.
    """

    is_on = True

    def __init__(
        self, url: str, headers: Mapping[str, str], resource: Mapping[str, str], hider: Hider, *, with_content: bool
    ) -> None:
        self.with_content = with_content
        self._hider = hider
        self._provider = TracerProvider(resource=Resource.create(dict(resource)), shutdown_on_exit=False)
        self._exporter: SpanExporter = OTLPSpanExporter(endpoint=url, headers=dict(headers) or None)
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("folkmoot")

    @contextmanager
    def span(
        self, name: str, attributes: Attributes, *, kind: Kind = "internal", parent: str | None = None
    ) -> Iterator[Span]:
        now = origin()
        context = _PROPAGATOR.extract({_PARENT: parent or now.trace or ""}, Context())
        span = self._tracer.start_span(name, context, _KINDS[kind])
        kept = Kept(span, self._hider)
        kept.set(attributes)
        if now.run_id is not None:
            span.set_attribute("folkmoot.run.id", now.run_id)
        if now.request_id is not None:
            span.set_attribute("folkmoot.request.id", now.request_id)
        try:
            with within(now._replace(trace=_told(span))):
                yield kept
        except Exception as error:
            kept.fail(getattr(error, "code", None) or type(error).__name__)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Blocks while the last spans are sent, for at most 3 seconds: a collector that is away is not tried longer."""
        ending = Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(_LAST_SECONDS)
        if ending.is_alive():
            self._exporter.shutdown()


def _told(span: trace.Span) -> str:
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier[_PARENT]
