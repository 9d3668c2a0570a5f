"""The text of an uploaded file; formats that need a parser are read in a process with limits of memory and time."""

import asyncio
import os
import sys
from typing import BinaryIO

from folkmoot.kernel.errors import Invalid, TooLarge
from folkmoot.knowledge.formats import decoded
from folkmoot.knowledge.reading_child import REFUSED
from folkmoot.knowledge.rules import MARKDOWN, PLAIN, FileType

LIMIT_SECONDS = 120.0
MOST_CHARACTERS = 20_000_000
_MOST_BYTES = MOST_CHARACTERS * 4
_CHILD = "folkmoot.knowledge.reading_child"


class FileUnreadable(Invalid):
    """The file cannot be read as what it seems to be"""


class FileTooComplex(Invalid):
    """The file takes more time or memory to read than it may"""


class TextTooLong(TooLarge):
    """The file's text is longer than 20,000,000 characters"""


async def text_of(file: BinaryIO, file_type: FileType, limit_seconds: float = LIMIT_SECONDS) -> str:
    """The text of a file, which is at its beginning and has a file descriptor.

    Raises FileUnreadable, FileTooComplex, TextTooLong.
    """
    if file_type in (PLAIN, MARKDOWN):
        text = await asyncio.to_thread(lambda: decoded(file.read()))
    else:
        text = decoded(await _read_apart(file, file_type, limit_seconds))
    if len(text) > MOST_CHARACTERS:
        raise TextTooLong
    return text


async def _read_apart(file: BinaryIO, file_type: FileType, limit_seconds: float) -> bytes:
    # It gets the file and where Python's modules are; nothing of this process's environment, which holds secrets.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _CHILD, file_type),
        stdin=file.fileno(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(limit_seconds):
            raw = await _at_most(process.stdout, _MOST_BYTES)
            said = await process.stderr.read(4096)
            status = await process.wait()
    except TimeoutError:
        raise FileTooComplex from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status == REFUSED:
        raise FileUnreadable(said.decode(errors="replace"))
    if status != 0:
        raise FileTooComplex if status < 0 or b"MemoryError" in said else FileUnreadable
    return raw


async def _at_most(stream: asyncio.StreamReader, size: int) -> bytes:
    parts = []
    while part := await stream.read(1 << 16):
        parts.append(part)
        size -= len(part)
        if size < 0:
            raise TextTooLong
    return b"".join(parts)
