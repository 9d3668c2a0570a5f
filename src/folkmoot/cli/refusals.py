"""What a start refuses: asked by the command that starts, and by those that only look at the settings."""

import ipaddress
from collections.abc import Callable

from folkmoot.cli.problems import BadUsage
from folkmoot.db.connect import driver_url
from folkmoot.kernel.errors import Problem
from folkmoot.kernel.settings import Settings
from folkmoot.llm.choice import default_model
from folkmoot.llm.settings import llm_settings


def refusals(settings: Settings) -> dict[str, str]:
    """Why a server would not start, by the name of the setting that is the reason."""
    asked: dict[str, Callable[[], object]] = {
        "API_HOST": lambda: loopback(settings.api_host),
        "API_WORKERS": lambda: check_workers(settings.api_workers),
        "DATABASE_URL": lambda: driver_url(settings.database_url),
        "DEFAULT_MODEL": lambda: default_model(llm_settings(settings)),
    }
    found = {}
    for name, ask in asked.items():
        try:
            ask()
        except Problem as problem:
            found[name] = problem.detail
    return found


def loopback(host: str) -> str:
    """The address to listen on. Raises BadUsage for any that others could reach."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        if ipaddress.ip_address(host.strip("[]")).is_loopback:
            return host.strip("[]")
    except ValueError:
        pass
    raise BadUsage(
        f"Folkmoot does not listen on {host}: it has no accounts yet, so whoever reaches it owns it; "
        "use a loopback address such as 127.0.0.1"
    )


def check_workers(workers: int) -> None:
    """Raises BadUsage for more than one."""
    if workers > 1:
        raise BadUsage(
            f"{workers} workers cannot share this engine: exactly one process works the runs of a database; "
            "leave --workers and API_WORKERS at 1"
        )
