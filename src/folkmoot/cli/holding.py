"""A command that is its own server: the whole app in this process, on a socket that only its owner can reach."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from folkmoot.app import create_app
from folkmoot.cli.client import Client, client_on
from folkmoot.cli.listener import serving
from folkmoot.cli.process import Signals
from folkmoot.kernel.settings import Settings
from folkmoot.life import Duty

_GRACE_SECONDS = 3


@asynccontextmanager
async def hold(settings: Settings, signals: Signals, *, works: bool) -> AsyncIterator[Client]:
    """Hold the data and serve the API to oneself, working on runs or leaving them alone. Raises HeldByAnother."""
    # Made with mode 0700, so nobody else reaches the socket; /tmp keeps its path within a socket's 100 bytes.
    folder = Path(tempfile.mkdtemp(prefix="folkmoot-"))
    clean = partial(shutil.rmtree, folder, ignore_errors=True)
    signals.at_once.append(clean)
    try:
        socket = folder / "api"
        app = create_app(settings, works=works, is_private=True, duty=Duty(kind="command"))
        life = app.router.lifespan_context(app)
        async with serving(app, life, socket, _GRACE_SECONDS), client_on(socket) as client:
            yield client
    finally:
        clean()
