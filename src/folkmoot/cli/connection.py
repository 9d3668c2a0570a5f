"""How a command reaches the API: through the server that holds the data, or by holding the data itself."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from folkmoot.cli.client import Client, client_at, client_on
from folkmoot.cli.listener import listening, private_socket
from folkmoot.cli.screen import Screen

