"""What a start refuses: asked by the command that starts, and by those that only look at the settings."""

import ipaddress
from collections.abc import Callable

from folkmoot.cli.problems import BadUsage
from folkmoot.db.connect import driver_url
from folkmoot.kernel.addresses import is_loopback
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.safety import check_cache, check_database_login, chosen_secret, exposed
from folkmoot.kernel.settings import Settings
from folkmoot.llm.choice import default_model, embedding_model
from folkmoot.llm.settings import llm_settings


def refusals(settings: Settings) -> dict[str, str]:
    """Why a server would not start, by the name of the setting that is the reason."""
    asked: dict[str, Callable[[], object]] = {
        "API_HOST": lambda: check_exposure(settings),
        "API_WORKERS": lambda: check_workers(settings, settings.api_workers),
        "SECRET_KEY": lambda: chosen_secret(settings, settings.api_host),
        "DATABASE_URL": lambda: driver_url(settings.database_url),
        "DB_PASSWORD": lambda: check_database_login(settings),
        "DEFAULT_MODEL": lambda: default_model(llm_settings(settings)),
        "EMBEDDING_MODEL": lambda: settings.embedding_model and embedding_model(llm_settings(settings)),
        "MGX_CACHE_BACKEND": lambda: check_cache(settings),
    }
    found = {}
    for name, ask in asked.items():
        try:
            ask()
        except Problem as problem:
            found[name] = problem.detail
    return found


def check_exposure(settings: Settings) -> None:
    """Raises BadUsage where API_HOST is no address, or one that needs an admin, who is not looked for here."""
    if not is_loopback(address_of(settings.api_host)) and settings.auth is None:
        raise BadUsage(exposed(settings.api_host))


def address_of(host: str) -> str:
    """The address to listen on. Raises BadUsage for a name, which may stand for any address."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        raise BadUsage(
            f"Folkmoot does not listen on {host}: it takes an address, such as 127.0.0.1 or 0.0.0.0"
        ) from None


def check_workers(settings: Settings, workers: int) -> None:
    """Raises BadUsage for several on SQLite, or with the reloader, which starts one."""
    if workers == 1:
        return
    if not settings.is_postgres:
        raise BadUsage(
            f"{workers} server processes need PostgreSQL: exactly one process works on a SQLite file; "
            "set DATABASE_URL, or leave --workers and API_WORKERS at 1"
        )
    if settings.api_reload:
        raise BadUsage("API_RELOAD starts one server process; leave --workers and API_WORKERS at 1")
