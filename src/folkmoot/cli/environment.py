"""The surroundings of a command as a person may see them: no password in them."""

from folkmoot.db.connect import driver_url
from folkmoot.kernel.settings import Settings


def shown_database(settings: Settings) -> str:
    """The database's address. Raises UnknownDatabase."""
    return shown_url(settings.database_url)


def shown_url(database_url: str) -> str:
    """Raises UnknownDatabase."""
    url = driver_url(database_url)
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)
