"""Which model speaks: names of the form `provider:name`, and the default where nobody chose one."""

from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from folkmoot.llm.faults import NoEmbeddings, UnknownModel
from folkmoot.llm.settings import OLLAMA_URL, OPENAI_URL, LlmSettings

PRACTICE = "practice:practice"
AUTO = "auto"  # the first model the server lists, asked for at the first call
PROVIDERS = ("openai", "google", "ollama", "practice")

_ALSO = {"gemini": "google"}
_OPENAI_DEFAULT = "openai:gpt-5.4-mini"
_GOOGLE_DEFAULT = "google:gemini-3.5-flash"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider's wire is, and the key for it."""

    provider: str
    url: str = field(repr=False)
    key: str | None = field(repr=False)

    @property
    def shown(self) -> str:
        """The address without credentials."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def key_header(self) -> tuple[str, str] | None:
        """The header that carries the key."""
        if self.key is None:
            return None
        return ("x-goog-api-key", self.key) if self.provider == "google" else ("Authorization", f"Bearer {self.key}")


def parse(name: str, settings: LlmSettings, own: Collection[str] = ()) -> tuple[str, str]:
    """`provider:name` split and checked; raises UnknownModel naming what is known. `gemini` is another word for google.

    `own` are the providers that the asking workspace has a key of its own for.
    """
    provider, _, model = name.strip().partition(":")
    provider = _ALSO.get(provider, provider)
    if provider == "practice" and model in ("", "practice"):
        return "practice", "practice"
    if provider not in PROVIDERS or provider == "practice" or not model or len(model) > 200:
        raise UnknownModel(f"Models are named provider:name. Known here: {_known(settings, own)}")
    if provider not in own and place(provider, settings) is None:
        raise UnknownModel(f"The provider {provider} is not configured. Known here: {_known(settings, own)}")
    return provider, model


def place(provider: str, settings: LlmSettings, key: str | None = None) -> Place | None:
    """The provider's place, or None where it is not configured; a workspace's own `key` goes before the settings'."""
    match provider:
        case "openai" if key or settings.openai_api_key or settings.openai_base_url:
            return Place(provider, settings.openai_base_url or OPENAI_URL, _key(key or settings.openai_api_key))
        case "google" if key or settings.google_api_key:
            return Place(provider, settings.google_base_url, _key(key or settings.google_api_key))
        case "ollama":
            return Place(provider, _ollama_host(settings.ollama_host), None)
        case _:
            return None


def configured(settings: LlmSettings, own: Collection[str] = ()) -> tuple[str, ...]:
    """The providers that can be asked. Ollama at its usual address counts only where somebody chose it."""
    found = [name for name in ("openai", "google") if name in own or place(name, settings) is not None]
    chosen = (settings.default_model or "", settings.embedding_model or "")
    if settings.ollama_host or any(name.startswith("ollama:") for name in chosen):
        found.append("ollama")
    return (*found, "practice")


def embedding_model(settings: LlmSettings, name: str | None = None, own: Collection[str] = ()) -> str:
    """The full name of the model for embeddings: `name`, else EMBEDDING_MODEL; raises NoEmbeddings, UnknownModel."""
    asked = name or settings.embedding_model
    if asked is None:
        raise NoEmbeddings
    provider, model = parse(asked, settings, own)
    if provider == "practice":
        raise NoEmbeddings("The practice model has no embeddings")
    return f"{provider}:{model}"


def default_model(settings: LlmSettings, own: Collection[str] = ()) -> str:
    """DEFAULT_MODEL, else what is configured (OpenAI, Google, Ollama in this order), else the practice model.

    An OpenAI-compatible server of one's own and Ollama serve what was put on them, so there it is `auto`.
    """
    if settings.default_model:
        return ":".join(parse(settings.default_model, settings, own))
    if settings.openai_base_url and settings.openai_base_url.rstrip("/") != OPENAI_URL:
        return f"openai:{AUTO}"
    if settings.openai_api_key or "openai" in own:
        return _OPENAI_DEFAULT
    if settings.google_api_key or "google" in own:
        return _GOOGLE_DEFAULT
    if settings.ollama_host:
        return f"ollama:{AUTO}"
    return PRACTICE


def describe(settings: LlmSettings) -> str:
    """One line for banner and logs: which model speaks, where, and how to get a real one. No key in it."""
    name = default_model(settings)
    if name == PRACTICE:
        return (
            "practice (offline, deterministic, no language model). For a real one set OPENAI_API_KEY, "
            "OPENAI_BASE_URL (any compatible server), GOOGLE_API_KEY or OLLAMA_HOST, "
            "and DEFAULT_MODEL=provider:name"
        )
    where = place(name.partition(":")[0], settings)
    return name if where is None else f"{name} at {where.shown}"


def _key(key: str | None) -> str | None:
    """Keys are pasted: a line end at their end is no part of them, and no header takes one."""
    return key.strip() or None if key else None


def _known(settings: LlmSettings, own: Collection[str]) -> str:
    known = [provider for provider in PROVIDERS[:-1] if provider in own or place(provider, settings) is not None]
    names = [f"{provider}:NAME" for provider in known]
    return ", ".join([*names, PRACTICE])


def _ollama_host(host: str | None) -> str:
    """OLLAMA_HOST may lack its scheme or end in /v1; 0.0.0.0 is where a server listens, nobody's address."""
    url = (host or OLLAMA_URL).rstrip("/").removesuffix("/v1")
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    if parts.hostname == "0.0.0.0":  # noqa: S104 it is replaced, not bound to
        url = url.replace("0.0.0.0", "localhost", 1)  # noqa: S104 likewise
    return url if parts.port or parts.scheme == "https" else f"{url}:11434"
