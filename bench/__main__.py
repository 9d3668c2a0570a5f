"""`python -m bench [message|runs|debates|workers|fanout|socketio|search|start|all]`: tables of what processes need."""

import argparse
import signal
import sys

from bench import debates, fanout, message, runs, search, socketio, start, workers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the product beside its floors.")
    parser.add_argument(
        "what",
        nargs="*",
        default=["all"],
        help="message, runs, debates, workers, fanout, socketio, search, start or all (the default)",
    )
    parser.add_argument(
        "--database",
        metavar="URL",
        help="a PostgreSQL server: measure message, runs, debates, search of vectors, and workers, which need it",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="so many times the usual load, e.g. 0.2 for a look")
    args = parser.parse_args()
    known = {
        "message": lambda: message.measure(args.scale, args.database),
        "runs": lambda: runs.measure(args.scale, args.database),
        "debates": lambda: debates.measure(args.scale, args.database),
        "fanout": lambda: fanout.measure(args.scale),
        "socketio": lambda: socketio.measure(args.scale),
        "search": lambda: search.measure(args.scale, args.database),
        "start": start.measure,
    }
    if args.database:
        known["workers"] = lambda: workers.measure(args.scale, args.database)
    elif "workers" in args.what:
        parser.error("workers share PostgreSQL: say where with --database")
    wanted = list(known) if args.what == ["all"] else args.what
    if unknown := [name for name in wanted if name not in known]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)} and all")
    if sys.platform != "linux":
        parser.error("figures of a process are read from /proc, which only Linux has")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    for name in wanted:
        known[name]()


if __name__ == "__main__":
    main()
