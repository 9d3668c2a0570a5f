#!/bin/sh
# Runs tools/lock.py on Python 3.11, the floor, with pip-tools in an environment of its own under build/.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3.11}
if [ ! -x build/lock/bin/pip-compile ]; then
    "$python" -m venv --clear build/lock
    build/lock/bin/python -m pip install --quiet --upgrade pip pip-tools
fi
exec build/lock/bin/python tools/lock.py "$@"
