"""The holder: one process works a SQLite file. It holds a lock of the operating system, so a dead one holds nothing."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from folkmoot.kernel.errors import Conflict
from folkmoot.kernel.json import dumps, loads

_LOCK = "engine.lock"
_TRIES, _TRY_SECONDS = 5, 0.01
"""`read_holder` has the lock for a moment when nobody holds it; that is no reason to give up."""


class HeldByAnother(Conflict):
    """Another process works on this data directory"""


@dataclass(frozen=True, slots=True)
class HolderInfo:
    """Who holds a data directory; `address` is None where it takes no calls (a command of the CLI)."""

    pid: int
    address: str | None


class Holder:
    """The lock while it is held. The kernel frees it when the process is gone, however it went."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def try_acquire(cls, data_dir: Path, address: str | None) -> "Holder | None":
        """The lock, or None where another process has it. Makes the directory where there is none."""
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_TRY_SECONDS)
            else:
                holder = cls(descriptor)
                holder.say(address)
                return holder
        os.close(descriptor)
        return None

    def say(self, address: str | None) -> None:
        """Write down at which address this process answers."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, dumps({"pid": os.getpid(), "address": address}).encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def read_holder(data_dir: Path) -> HolderInfo | None:
    """Who holds the directory now, None where nobody does."""
    path = data_dir / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _info(os.pread(descriptor, 4096, 0))
    else:
        return None
    finally:
        os.close(descriptor)


def _info(written: bytes) -> HolderInfo:
    """What the holder wrote; between taking the lock and writing it says nothing yet."""
    try:
        told = loads(written)
    except ValueError:
        return HolderInfo(pid=0, address=None)
    if not isinstance(told, dict):
        return HolderInfo(pid=0, address=None)
    pid, address = told.get("pid"), told.get("address")
    return HolderInfo(pid if isinstance(pid, int) else 0, address if isinstance(address, str) else None)
