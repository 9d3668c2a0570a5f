"""Settings that a start refuses, and those it only warns of."""

import pytest
from pydantic import SecretStr

from folkmoot.kernel.addresses import is_loopback, is_public
from folkmoot.kernel.safety import chosen_secret, is_placeholder, warnings
from folkmoot.kernel.settings import Settings, WrongSetting

GOOD = "T7qvJ0m1yXc9RzB4kLwE2nUs"


def settings(**given: object) -> Settings:
    return Settings.model_validate({"_env_file": None, **given})


@pytest.mark.parametrize(
    "secret",
    [
        "dev_secret_key_change_me",
        "changethis-changethis",
        "CHANGE ME PLEASE NOW",
        "your-secret-key-here",
        "your_super_secret_key",
        "supersecretsupersecret",
        "<at least 32 characters>",
        "xxxxxxxxxxxxxxxxxxxxxxxx",
        "hunter2",
    ],
)
def test_placeholders(secret: str) -> None:
    assert is_placeholder(secret)
    asked = settings(secret_key=secret)
    assert chosen_secret(asked, "127.0.0.1") is None
    assert [said for said in warnings(asked, "127.0.0.1") if "SECRET_KEY" in said]
    for unsafe, host in ((asked, "0.0.0.0"), (settings(secret_key=secret, auth="required"), "127.0.0.1")):
        with pytest.raises(WrongSetting, match="SECRET_KEY") as refused:
            warnings(unsafe, host)
        assert secret not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_secret_worth_its_name(host: str) -> None:
    asked = settings(secret_key=GOOD, auth="required")
    assert (chosen_secret(asked, host), warnings(asked, host)) == (GOOD, [])


def test_none_is_made() -> None:
    assert chosen_secret(settings(auth="required"), "0.0.0.0") is None
    assert warnings(settings(auth="required"), "0.0.0.0") == []


@pytest.mark.parametrize(
    ("host", "is_refused", "is_said"),
    [
        ("db.example.org", True, False),
        ("8.8.8.8", True, False),
        ("2606:4700::1111", True, False),
        ("10.1.2.3", False, True),
        ("192.168.0.4", False, True),
        ("db", False, True),
        ("postgres.internal", False, True),
        ("localhost", False, False),
        ("127.0.0.1", False, False),
    ],
)
def test_the_login_that_is_tried_first(host: str, is_refused: bool, is_said: bool) -> None:
    asked = settings(db_host=host, db_user="postgres", db_password=SecretStr("postgres"))
    if is_refused:
        with pytest.raises(WrongSetting, match="DB_PASSWORD"):
            warnings(asked, "127.0.0.1")
    else:
        assert bool(warnings(asked, "127.0.0.1")) is is_said
    assert warnings(settings(db_host=host, db_password=SecretStr("T7qvJ0m1yX")), "127.0.0.1") == []


def test_the_login_within_a_url() -> None:
    with pytest.raises(WrongSetting, match="DB_PASSWORD"):
        warnings(settings(given_database_url="postgresql://postgres:p%6fstgres@db.example.org/x"), "127.0.0.1")
    assert warnings(settings(given_database_url="postgresql://[/x"), "127.0.0.1") == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "app.localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert not is_public(host)


@pytest.mark.parametrize("host", ["", "example.org", "10.0.0.1", "0.0.0.0", "localhost.example.org", "::2"])
def test_elsewhere(host: str) -> None:
    assert not is_loopback(host)
