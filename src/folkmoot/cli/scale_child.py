"""A process of a bench: a command that ends, as after SIGTERM, when who started it is gone, however that ended."""

import os
import signal
import threading

from folkmoot.cli import main


def _end_with_input() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    main()
