"""Secrets that an installation makes for itself and keeps in files which only their owner can read."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from folkmoot.kernel.errors import Unavailable
from folkmoot.kernel.ids import new_id

SECRET_KEY_FILE = "secret.key"  # noqa: S105 a name
ADMIN_TOKEN_FILE = "admin.token"  # noqa: S105 a name

_SHORTEST = 32
_OTHERS = 0o077

_log = logging.getLogger(__name__)


class SecretNotKept(Unavailable):
    """A secret of this installation cannot be kept in DATA_DIR"""


def kept(path: Path, make: Callable[[], str]) -> tuple[str, bool]:
    """What the file holds, and whether it was made just now: of several processes one makes it, all see the same.

    Raises SecretNotKept.
    """
    try:
        text = _read(path)
        return (_make(path, make()), True) if text is None else (text, False)
    except FileExistsError:
        return _read(path) or "", False
    except OSError as error:
        raise SecretNotKept(f"{path} cannot be kept: {error.strerror}; let DATA_DIR be writable") from None


def find_kept(path: Path) -> str | None:
    """What the file holds, None where there is none or it is another's. Raises SecretNotKept of a damaged one."""
    try:
        return _read(path)
    except OSError:
        return None


def _read(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        if path.stat().st_mode & _OTHERS:
            _log.warning("%s could be read by others; now only its owner can", path)
            path.chmod(0o600)
    except FileNotFoundError:
        return None
    if len(text) < _SHORTEST:
        raise SecretNotKept(f"{path} is damaged; restore it, or delete it to have a new one made")
    return text


def _make(path: Path, text: str) -> str:
    """Whole or not at all: written beside, then given its name. Raises FileExistsError where another was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{new_id()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return text
