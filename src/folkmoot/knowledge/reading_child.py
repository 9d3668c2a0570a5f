"""The process in which one file is read: `python -m folkmoot.knowledge.reading_child MEDIA_TYPE <FILE >TEXT`.

A parser that a file drives mad takes this process with it and nothing else: it ends by its limits of memory and time.
"""

import logging
import resource
import sys
from contextlib import suppress
from typing import BinaryIO, cast

from folkmoot.knowledge.readers import Unreadable, docx_text, html_text, pdf_text
from folkmoot.knowledge.rules import DOCX, HTML, PDF

MEMORY_BYTES = 1_500_000_000
CPU_SECONDS = 100
REFUSED = 3
"""The exit status of a file that cannot be read; stderr says why."""

_READERS = {PDF: pdf_text, HTML: html_text, DOCX: docx_text}


def main() -> int:
    for limit, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, CPU_SECONDS)):
        with suppress(ValueError, OSError):  # not every system can bound memory; the time is bounded outside too
            resource.setrlimit(limit, (most, most))
    logging.disable()
    read = _READERS[sys.argv[1]]
    try:
        for part in read(cast("BinaryIO", sys.stdin.buffer)):
            sys.stdout.buffer.write(part.encode("utf-8", "replace"))
    except Unreadable as refused:
        sys.stderr.write(str(refused))
        return REFUSED
    except BrokenPipeError:
        return 1
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
