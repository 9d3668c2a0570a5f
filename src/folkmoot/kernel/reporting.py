"""The settings of what a process tells of itself: its log, and traces, which nobody gets by default."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator


class Reporting(BaseModel):
    """A part of Settings."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field("INFO", description="What is logged")
    log_format: Literal["text", "json"] = Field("text", description="A line of the log: text, or a JSON object")
    debug: bool = Field(False, description="Log at DEBUG; never tracebacks in answers")
    access_log: bool = Field(False, description="Log a line for every request")
    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        description="Collector of OpenTelemetry that gets traces, by OTLP over HTTP, e.g. http://localhost:4318; it "
        "needs the extra telemetry; default: nothing is traced and nothing leaves this machine",
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        None, description="Headers for the collector, as name=value, comma-separated"
    )
    otel_service_name: str = Field("folkmoot", description="What this is called in traces")
    otel_instrumentation_genai_capture_message_content: bool = Field(
        False, description="true: traces hold what people, language models and tools have said"
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("log_format", mode="before")
    @classmethod
    def _lower_format(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc:
            raise ValueError("an address without a login: http://host:port or https://host")
        return value

    @property
    def effective_log_level(self) -> str:
        return "DEBUG" if self.debug else self.log_level
