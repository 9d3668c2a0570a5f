"""A collector of OpenTelemetry as a stub: takes traces by OTLP over real HTTP and reads what they hold."""

from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

Value = str | int | float | bool | list[object]


@dataclass(frozen=True, kw_only=True)
class Received:
    """A span as it came; ids are hexadecimal, `parent_id` is empty for the first of a trace."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    is_error: bool
    attributes: dict[str, Value] = field(default_factory=dict)
    resource: dict[str, Value] = field(default_factory=dict)


class CollectorStub:
    """`async with CollectorStub() as collector`: `spans` is what came, `raw` as it was on the wire."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: list[Received] = []
        self.raw = b""
        self.headers: list[dict[str, str]] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None, "entered before"
        await self._runner.cleanup()

    def named(self, name: str) -> Received:
        """The one span of this name."""
        [found] = [span for span in self.spans if span.name == name]
        return found

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw += body
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {item.key: _value(item.value) for item in of_resource.resource.attributes}
            for span in (span for scope in of_resource.scope_spans for span in scope.spans):
                received = Received(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    kind=span.kind,
                    is_error=span.status.code == 2,
                    attributes={item.key: _value(item.value) for item in span.attributes},
                    resource=resource,
                )
                self.spans.append(received)
        return web.Response(content_type="application/x-protobuf")


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case _:
            return value.string_value
