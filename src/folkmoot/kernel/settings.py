"""Settings: the environment over `.env` over defaults, read once at the edge and passed down as values."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from folkmoot.kernel.errors import Problem
from folkmoot.kernel.json import loads
from folkmoot.kernel.reporting import Reporting

ENV_FILE = ".env"


def _listed(value: object) -> object:
    """A JSON list or a comma list."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return loads(value)
    return [item.strip() for item in value.split(",") if item.strip()]


TextList = Annotated[list[str], NoDecode, BeforeValidator(_listed)]
SecretList = Annotated[list[SecretStr], NoDecode, BeforeValidator(_listed)]
# What a program needs to run at all.
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")
UsdPerMillion = Annotated[Decimal, Field(ge=0, le=1_000_000)]


class ModelPrice(BaseModel):
    """What a model's tokens cost, in USD per million; `cached` is that of input tokens a provider had kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: UsdPerMillion
    output: UsdPerMillion
    cached: UsdPerMillion | None = None

    def __str__(self) -> str:
        return self.model_dump_json(exclude_none=True)


class StdioServer(BaseModel):
    """An MCP server that is a process of this machine. Its environment is `env` and what a program needs to run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    command: Annotated[str, Field(min_length=1)]
    args: list[str] = []
    env: dict[str, SecretStr] = {}

    def environment(self) -> dict[str, str]:
        """None of this server's own secrets are in it."""
        own = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return own | {name: value.get_secret_value() for name, value in self.env.items()}


class Settings(Reporting, BaseSettings):
    """Every setting that has an effect today. Names are those of the environment, in lower case."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    api_host: str = Field("127.0.0.1", description="Address to listen on; only loopback in local mode")
    api_port: int = Field(8000, ge=1, le=65535, description="Port to listen on")
    api_reload: bool = Field(False, description="Start anew when a source file changes (development)")
    api_workers: int = Field(1, ge=1, description="Server processes behind the port; more than one needs PostgreSQL")
    backend_cors_origins: TextList = Field(
        ["http://localhost:3000", "http://localhost:8000"],
        description="Origins whose pages may call the API: a JSON list or a comma list, never *",
    )

    auth: Literal["required"] | None = Field(
        None, description="required: every call needs a login or a key, from the first start on"
    )
    secret_key: SecretStr | None = Field(
        None, description="Signs tokens and encrypts secrets; default: made once, in DATA_DIR/secret.key"
    )
    previous_secret_keys: SecretList = Field(
        [], description="Older values of SECRET_KEY that may still decrypt, a JSON list or a comma list"
    )
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token that may read /metrics and /health/status besides admins"
    )
    rate_limit_per_minute: int | None = Field(
        None, ge=1, le=1_000_000, description="Calls a caller may make in a minute; default: any number"
    )

    data_dir: Path = Field(
        Path("folkmoot-data"),
        description="Where the database file, the keys and the engine's lock live; relative to the start directory",
    )
    given_database_url: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="sqlite:///path or postgresql://...; default: the parts below, else SQLite in DATA_DIR",
    )
    db_host: str | None = Field(
        None,
        validation_alias=AliasChoices("DB_HOST", "POSTGRES_SERVER"),
        description="PostgreSQL host; setting it chooses PostgreSQL",
    )
    db_port: int = Field(5432, ge=1, le=65535, description="PostgreSQL port")
    db_user: str = Field(
        "postgres", validation_alias=AliasChoices("DB_USER", "POSTGRES_USER"), description="PostgreSQL user"
    )
    db_password: SecretStr | None = Field(
        None, validation_alias=AliasChoices("DB_PASSWORD", "POSTGRES_PASSWORD"), description="PostgreSQL password"
    )
    db_name: str = Field(
        "folkmoot", validation_alias=AliasChoices("DB_NAME", "POSTGRES_DB"), description="PostgreSQL database"
    )
    database_direct_url: SecretStr | None = Field(
        None,
        description="PostgreSQL itself, where DATABASE_URL leads to a pooler in transaction mode, such as PgBouncer",
    )
    db_pool_size: int = Field(
        5, ge=2, le=100, description="Connections to PostgreSQL of each process, besides at most 4 of its engine"
    )
    db_statement_timeout_seconds: int = Field(
        30, ge=0, le=86_400, description="How long PostgreSQL may take over a statement; 0: any time"
    )

    artifact_max_bytes: int = Field(
        50_000_000,
        ge=8_000_000,
        le=1_000_000_000,
        description="Size of one artifact; those above 1 MB are files in DATA_DIR/artifacts, which servers share",
    )
    mgx_max_rounds: int = Field(5, ge=1, le=20, description="Default of a task's max_rounds")
    mgx_cache_backend: Literal["none", "memory", "redis"] = Field(
        "memory",
        description="Where answers to exactly the same question of a workspace are kept; redis needs REDIS_URL",
    )
    workspace_max_live_runs: int = Field(50, ge=1, le=10_000, description="Admitted runs of a workspace")
    agents_enabled: bool = Field(True, description="false: /api/agents answers 503")
    agent_max_concurrency: int = Field(
        10, ge=1, le=100_000, description="Agents of a workspace that are not offline, core agents not counted"
    )
    agent_registry_modules: TextList = Field(
        [], description="Modules whose agent classes are registered at the start, comma-separated"
    )
    agent_context_history_limit: int = Field(
        100, ge=1, le=100_000, description="Versions kept of a context, besides the current one and a rollback's target"
    )
    agent_message_retention_limit: int = Field(
        1000, ge=1, le=1_000_000, description="Messages kept in an agent's mailbox; older ones are deleted"
    )
    agent_message_ack_window_seconds: int = Field(
        3600, ge=1, le=31_536_000, description="How long a message of a mailbox may be acknowledged"
    )

    outgoing_allowed_hosts: TextList = Field(
        [],
        description="What tools, webhooks and MCP may call although it is not public: names, addresses, networks, "
        "each name or address also with :port; a JSON list or a comma list",
    )

    mcp_stdio_servers: list[StdioServer] = Field(
        [],
        description="MCP servers that are started as processes, for all workspaces, as JSON: "
        '[{"name": "files", "command": "mcp-server-filesystem", "args": ["/data"], "env": {"KEY": "value"}}]',
    )
    run_python_enabled: bool = Field(
        False,
        description="true: workspaces may allow the tool run_python, a sandbox without files and network; it needs the "
        "extra sandbox",
    )

    event_retention_days: int = Field(30, ge=1, le=36_500, description="How long a workspace's events are kept")
    event_retention_limit: int = Field(
        1_000_000, ge=1_000, le=1_000_000_000, description="Events kept of a workspace; older ones are deleted"
    )
    socket_messages_per_10_seconds: int = Field(
        30, ge=1, le=100_000, description="Messages one socket connection may send in 10 seconds"
    )
    socket_max_message_bytes: int = Field(
        65_536, ge=1_024, le=10_000_000, description="Size of one message that a socket connection may send"
    )

    redis_url: SecretStr | None = Field(
        None, description="Redis, by which several server processes hear of each other at once; needed by none"
    )

    default_model: str | None = Field(
        None,
        description="provider:name, e.g. openai:gpt-5.4-mini, ollama:qwen3; default: what is configured, else practice",
    )
    embedding_model: str | None = Field(
        None, description="provider:name of a model for embeddings; default: none, and knowledge is searched by text"
    )
    openai_api_key: SecretStr | None = Field(None, description="Key of OpenAI or of the compatible server")
    openai_base_url: str | None = Field(None, description="Any OpenAI-compatible server (llama.cpp, vLLM, ...)")
    google_api_key: SecretStr | None = Field(None, description="Key of Gemini")
    google_base_url: str | None = Field(None, description="Where Gemini is reached, if not at Google itself")
    ollama_host: str | None = Field(None, description="Where Ollama listens, e.g. http://localhost:11434")
    model_prices: dict[str, ModelPrice] = Field(
        {},
        description="Prices that nobody else knows, or that are others for you, in USD per million tokens: "
        '{"openai:my-model": {"input": 0.25, "output": 2}}; cached is that of input where it is not given',
    )

    @field_validator("auth", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("agent_registry_modules")
    @classmethod
    def _module_names(cls, value: list[str]) -> list[str]:
        for name in value:
            if not all(part.isidentifier() for part in name.split(".")):
                raise ValueError("a module is named like package.module")
        return value

    @field_validator("mcp_stdio_servers")
    @classmethod
    def _names_differ(cls, value: list[StdioServer]) -> list[StdioServer]:
        if len({server.name for server in value}) != len(value):
            raise ValueError("each server has a name of its own")
        return value

    @field_validator("backend_cors_origins")
    @classmethod
    def _plain_origins(cls, value: list[str]) -> list[str]:
        if any("*" in origin or "://" not in origin for origin in value):
            raise ValueError("an origin is scheme://host[:port], and * is not possible with credentials")
        return [origin.rstrip("/") for origin in value]

    @field_validator("database_direct_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith("postgres"):
            raise ValueError("a URL of PostgreSQL: postgresql://...")
        return value

    @property
    def database_url(self) -> str:
        """DATABASE_URL, else PostgreSQL where a host is set, else SQLite in the data directory. Holds the password."""
        if self.given_database_url is not None:
            return self.given_database_url.get_secret_value()
        if self.db_host is None:
            return f"sqlite:///{(self.data_dir / 'folkmoot.db').absolute()}"
        password = reveal(self.db_password)
        login = quote(self.db_user, safe="") + ("" if password is None else f":{quote(password, safe='')}")
        address = f"[{self.db_host}]" if ":" in self.db_host else self.db_host
        return f"postgresql://{login}@{address}:{self.db_port}/{quote(self.db_name, safe='')}"

    @property
    def direct_database_url(self) -> str:
        """For what outlives a transaction: locks, LISTEN, migrations, copies. Holds the password."""
        return (reveal(self.database_direct_url) if self.is_postgres else None) or self.database_url

    @property
    def is_postgres(self) -> bool:
        return self.database_url.startswith("postgres")


class WrongSetting(Problem):
    """A setting cannot be used"""


def load_settings() -> Settings:
    """From the environment and `.env`. Raises WrongSetting: one line that names the setting."""
    try:
        return Settings()
    except ValidationError as error:
        raise WrongSetting(explain(error)) from None
    except SettingsError as error:
        raise WrongSetting(str(error)) from None


def explain(error: ValidationError) -> str:
    """One line, naming the first wrong setting and never its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    name = str(first["loc"][0]).upper() if first["loc"] else "settings"
    return f"{name}: {first['msg'].removeprefix('Value error, ')}"


def names_of(key: str, field: FieldInfo) -> list[str]:
    """The environment variables a setting is read from, the one to recommend first."""
    match field.validation_alias:
        case str() as alias:
            return [alias.upper()]
        case AliasChoices(choices=choices):
            return [str(choice).upper() for choice in choices]
        case _:
            return [key.upper()]


def secrets_in(settings: Settings) -> tuple[str, ...]:
    """Everything that is secret in the settings, for who hides it."""
    values = [value for _, value in settings if value is not None]
    listed = [item for value in values for item in (value if isinstance(value, list) else [value])]
    listed += [value for server in settings.mcp_stdio_servers for value in server.env.values()]
    return tuple(item.get_secret_value() for item in listed if isinstance(item, SecretStr))


def reveal(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def environment_with(**settings: str) -> dict[str, str]:
    """This process's environment with some settings in it, for a process that takes its place."""
    return {**os.environ, **settings}
