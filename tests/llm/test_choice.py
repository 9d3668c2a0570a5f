"""Which model speaks, and what it costs."""

from decimal import Decimal

import pytest

from folkmoot.llm.choice import Place, configured, default_model, describe, parse, place
from folkmoot.llm.faults import UnknownModel
from folkmoot.llm.gateway import Gateway, Request
from folkmoot.llm.messages import User
from folkmoot.llm.prices import FREE, find_price, is_local
from folkmoot.llm.settings import GOOGLE_URL, OPENAI_URL, LlmSettings

NOTHING = LlmSettings()
OPENAI = LlmSettings(openai_api_key="sk-secret123")
SERVER = LlmSettings(openai_base_url="http://user:secret@gpu.local:8080/v1")
GOOGLE = LlmSettings(google_api_key="AIzaSecret123")
OLLAMA = LlmSettings(ollama_host="0.0.0.0:11434")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (NOTHING, "practice:practice"),
        (OPENAI, "openai:gpt-5.4-mini"),
        (SERVER, "openai:auto"),
        (GOOGLE, "google:gemini-3.5-flash"),
        (OLLAMA, "ollama:auto"),
        (LlmSettings(default_model="practice", openai_api_key="sk-x"), "practice:practice"),
        (LlmSettings(default_model="ollama:llama3.2:3b"), "ollama:llama3.2:3b"),
    ],
)
def test_the_default(settings: LlmSettings, name: str) -> None:
    gateway = Gateway(settings)
    assert default_model(settings) == gateway.default_model == name
    assert gateway.is_practice == (name == "practice:practice")


@pytest.mark.parametrize("name", ["gpt-4o", "", ":x", "openai:", "nobody:x", "practice:other", "openai:" + "x" * 300])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(UnknownModel, match=r"practice:practice"):
        parse(name, OPENAI)


def test_a_provider_that_is_not_configured_is_refused_with_what_is() -> None:
    with pytest.raises(UnknownModel, match=r"google is not configured. Known here: openai:NAME"):
        parse("google:gemini-3.5-flash", OPENAI)
    with pytest.raises(UnknownModel):
        Gateway(LlmSettings(default_model="google:gemini-3.5-flash"))


def test_gemini_is_another_word_for_google() -> None:
    assert parse("gemini:gemini-3.5-flash", GOOGLE) == ("google", "gemini-3.5-flash")
    assert default_model(LlmSettings(default_model="gemini:x", google_api_key="AIzaSecret123")) == "google:x"
    found = place("google", GOOGLE)
    assert found is not None
    assert found.key_header == ("x-goog-api-key", "AIzaSecret123")


@pytest.mark.parametrize(
    ("settings", "own", "names"),
    [
        (NOTHING, (), ("practice",)),
        (NOTHING, ("google",), ("google", "practice")),
        (OPENAI, ("google",), ("openai", "google", "practice")),
        (OLLAMA, (), ("ollama", "practice")),
        (LlmSettings(embedding_model="ollama:nomic-embed-text"), (), ("ollama", "practice")),
    ],
)
def test_what_is_configured(settings: LlmSettings, own: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert configured(settings, own) == names


async def test_every_name_of_a_request_is_checked_before_any_is_asked() -> None:
    gateway = Gateway(NOTHING)
    assert gateway.check(("practice",)) == ("practice:practice",)
    assert gateway.check(()) == ("practice:practice",)
    with pytest.raises(UnknownModel):
        await gateway.ask(Request(models=("practice", "openai:x"), messages=(User("x"),)))
    await gateway.aclose()


def test_the_banner_says_what_to_set_and_tells_no_secret() -> None:
    assert "OPENAI_API_KEY" in describe(NOTHING)
    assert "practice" in describe(NOTHING)
    assert describe(SERVER) == "openai:auto at http://gpu.local:8080/v1"
    for settings in (OPENAI, SERVER, GOOGLE):
        assert "secret" not in f"{describe(settings)} {settings!r} {place('openai', settings)!r}".lower()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (None, "http://localhost:11434"),
        ("gpu", "http://gpu:11434"),
        ("0.0.0.0:11500", "http://localhost:11500"),
        ("http://gpu:1234/", "http://gpu:1234"),
        ("https://ollama.example.org/v1", "https://ollama.example.org"),
    ],
)
def test_where_ollama_is(host: str | None, url: str) -> None:
    found = place("ollama", LlmSettings(ollama_host=host))
    assert found is not None
    assert found.url == url


def test_prices() -> None:
    price = find_price(Place("openai", OPENAI_URL, None), "gpt-4o")
    assert price is not None
    assert price.cost(1_000_000, 0, 0) == Decimal("2.5")
    assert price.cost(1_000_000, 1_000_000, 100_000) == Decimal("2.25")
    gemini = find_price(Place("google", GOOGLE_URL, None), "gemini-2.5-flash")
    assert gemini is not None
    assert gemini.cost(0, 0, 1_000_000) == Decimal("2.5")
    tiered = find_price(Place("google", GOOGLE_URL, None), "gemini-2.5-pro")
    assert tiered is not None
    assert tiered.cost(400_000, 0, 0) > 2 * tiered.cost(150_000, 0, 0), "past its first tier all is dearer"


def test_what_nobody_knows_has_no_price_and_ones_own_machine_is_free() -> None:
    assert find_price(Place("openai", OPENAI_URL, None), "no-such-model-at-all") is None
    assert find_price(Place("openai", "https://llm.example.org/v1", None), "gpt-4o") is None
    assert find_price(Place("openai", "http://192.168.1.4:8000/v1", None), "gpt-4o") is FREE
    assert find_price(Place("ollama", "https://ollama.example.org/v1", None), "llama") is FREE


@pytest.mark.parametrize("url", ["http://localhost:1/v1", "http://[::1]:1", "http://vllm:8000", "http://10.0.0.3"])
def test_local_addresses(url: str) -> None:
    assert is_local(url)


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "http://8.8.8.8", "https://[2606:4700::1111]"])
def test_public_addresses(url: str) -> None:
    assert not is_local(url)
