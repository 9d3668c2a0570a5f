"""What a start makes of the settings for accounts, and where it may listen."""

import logging
import secrets
from pathlib import Path

from folkmoot.accounts.authentication import Accounts
from folkmoot.accounts.kept import ADMIN_TOKEN_FILE, kept
from folkmoot.accounts.tokens import ADMIN_PREFIX
from folkmoot.kernel.addresses import is_loopback
from folkmoot.kernel.errors import BadRequest
from folkmoot.kernel.safety import exposed

_log = logging.getLogger(__name__)


class ReachableByAll(BadRequest):
    """In local mode whoever reaches the server owns it, so it listens on loopback addresses only"""


def open_admin_token(data_dir: Path) -> str:
    """Made at the first start; its path is logged, never the token. Raises SecretNotKept."""
    path = data_dir / ADMIN_TOKEN_FILE
    token, is_new = kept(path, lambda: ADMIN_PREFIX + secrets.token_urlsafe(32))
    if is_new:
        _log.info("made an admin token: %s", path.absolute())
    return token


async def check_exposure(accounts: Accounts, host: str) -> None:
    """Raises ReachableByAll, with what to do about it."""
    if not await accounts.is_local():
        return
    if accounts.settings.is_insecure:
        _log.warning("no authentication: whoever reaches %s owns everything here (--insecure-no-auth)", host)
    elif not is_loopback(host):
        raise ReachableByAll(exposed(host))
