"""Log lines of a server: to the error stream, one form, from the level that is set."""

import logging
import sys

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr(level: str) -> None:
    """For a process that is a server; a command of the CLI keeps its terminal for itself."""
    log = logging.getLogger("folkmoot")
    log.setLevel(level)
    if not log.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(FORM))
        log.addHandler(handler)
