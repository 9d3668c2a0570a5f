"""Settings: environment over .env over defaults, and one line for what cannot be read."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from folkmoot.kernel.settings import Settings, WrongSetting, load_settings


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No `.env` and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "DB_HOST", "POSTGRES_SERVER", "DATA_DIR", "API_PORT", "LOG_LEVEL", "DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.database_url == f"sqlite:///{tmp_path}/folkmoot-data/folkmoot.db"
    assert (settings.api_host, settings.api_port, settings.workspace_max_live_runs) == ("127.0.0.1", 8000, 50)
    assert not settings.is_postgres


def test_environment_over_file_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("API_PORT=9001  # a port\nLOG_LEVEL=debug\nREDIS_URL=redis://later\nSECRET_KEY=x\n")
    monkeypatch.setenv("API_PORT", "9002")
    settings = load_settings()
    assert (settings.api_port, settings.log_level) == (9002, "DEBUG")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"POSTGRES_SERVER": "db"}, "postgresql://postgres@db:5432/folkmoot"),
        ({"DB_HOST": "a", "POSTGRES_SERVER": "b"}, "postgresql://postgres@a:5432/folkmoot"),
        (
            {"DB_HOST": "::1", "DB_PASSWORD": "p@/:", "POSTGRES_USER": "me", "DB_NAME": "x", "DB_PORT": "1"},
            "postgresql://me:p%40%2F%3A@[::1]:1/x",
        ),
        ({"DATABASE_URL": "sqlite:////tmp/a.db", "DB_HOST": "a"}, "sqlite:////tmp/a.db"),
        ({"DB_USER": "me", "POSTGRES_PASSWORD": "x"}, None),
    ],
)
def test_database_url(given: dict[str, str], url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.database_url == url if url else settings.database_url.startswith("sqlite:///")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "many"),
        ("API_PORT", "0"),
        ("LOG_LEVEL", "loud"),
        ("DB_POOL_SIZE", "1"),
        ("BACKEND_CORS_ORIGINS", "*"),
        ("BACKEND_CORS_ORIGINS", '["http://a'),
        ("WORKSPACE_MAX_LIVE_RUNS", "s3cret"),
        ("LOG_FORMAT", "xml"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:s3cret@collector:4318"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting) as raised:
        load_settings()
    assert str(raised.value).startswith(f"{name}: ")
    assert "\n" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("value", ['["http://a:1", "https://b/"]', "http://a:1, https://b", "http://a:1,https://b,"])
def test_origins(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND_CORS_ORIGINS", value)
    assert load_settings().backend_cors_origins == ["http://a:1", "https://b"]


def test_secrets_are_not_shown() -> None:
    settings = Settings(
        _env_file=None, openai_api_key=SecretStr("sk-1"), given_database_url=SecretStr("postgresql://u:pw@h/d")
    )
    assert "sk-1" not in repr(settings)
    assert "pw" not in repr(settings)
