"""Settings that are well-formed and yet unsafe: what a start refuses, and what it only warns of."""

import re
from urllib.parse import unquote, urlsplit

from folkmoot.kernel.addresses import is_loopback, is_public
from folkmoot.kernel.settings import Settings, WrongSetting, reveal

_SHORTEST_SECRET = 16
_FEWEST_CHARACTERS = 6
_PLACEHOLDER = re.compile(
    r"change[\W_]*(me|this|it)|your[\W_]*(own[\W_]*)?(super[\W_]*)?secret|(dev|example|sample|test)[\W_]*secret"
    r"|super[\W_]*secret|placeholder|insecure|(replace|todo)[\W_]*(me|this|with)|<.*>|0123456789",
    re.IGNORECASE,
)
_GUESSED_FIRST = "postgres"


def is_placeholder(secret: str) -> bool:
    """Whether a secret stands in many an example, or is too short to be one."""
    is_poor = len(secret) < _SHORTEST_SECRET or len(set(secret)) < _FEWEST_CHARACTERS
    return is_poor or _PLACEHOLDER.search(secret) is not None


def chosen_secret(settings: Settings, host: str) -> str | None:
    """SECRET_KEY where it is worth its name, None where one is to be made. Raises WrongSetting.

    A placeholder does no harm on a machine's own address, where another takes its place.
    """
    secret = reveal(settings.secret_key)
    if secret is None or not is_placeholder(secret):
        return secret
    if settings.auth == "required" or not is_loopback(host):
        raise WrongSetting(
            "SECRET_KEY: a placeholder or too short; set 32 random characters, or leave it out to have one made"
        )
    return None


def exposed(host: str) -> str:
    """Why an address that others can reach is refused in local mode, and what to do."""
    return (
        f"Folkmoot does not listen on {host} in local mode, where whoever reaches it owns it: set AUTH=required, "
        "or make an admin first (folkmoot users create-admin), or use a loopback address such as 127.0.0.1"
    )


def check_database_login(settings: Settings) -> None:
    """Raises WrongSetting for the login that is tried first, where anybody could try it."""
    host = guessable_database(settings)
    if host is not None and is_public(host):
        raise WrongSetting("DB_PASSWORD: postgres/postgres is no login for a database on a public address")


def check_cache(settings: Settings) -> None:
    """Raises WrongSetting for a cache of answers in a Redis that nobody named."""
    if settings.mgx_cache_backend == "redis" and settings.redis_url is None:
        raise WrongSetting("MGX_CACHE_BACKEND: redis needs REDIS_URL; set it, or use memory or none")


def guessable_database(settings: Settings) -> str | None:
    """The database's host, if the login there is the one that is tried first."""
    if not settings.is_postgres:
        return None
    try:
        url = urlsplit(settings.database_url)
    except ValueError:  # whoever connects says what is wrong with it
        return None
    login = (unquote(url.username or ""), unquote(url.password or ""))
    return (url.hostname or "localhost") if login == (_GUESSED_FIRST, _GUESSED_FIRST) else None


def warnings(settings: Settings, host: str) -> list[str]:
    """What a start should say, one sentence each. Raises WrongSetting for what it refuses."""
    check_database_login(settings)
    secret, found = chosen_secret(settings, host), []
    if settings.secret_key is not None and secret is None:
        found.append("SECRET_KEY is a placeholder or too short: the one in DATA_DIR/secret.key is used instead")
    database = guessable_database(settings)
    if database is not None and not is_loopback(database):
        found.append(f"the database on {database} is opened as postgres/postgres: choose a password for it")
    return found
