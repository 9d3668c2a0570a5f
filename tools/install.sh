#!/bin/sh
# Makes .venv and installs the locked dependencies and this clone: `install.sh serve`, or `dev` for everything.
# Everything comes by hash, the build backend too, which stays outside the environment the product runs in.
set -eu
cd "$(dirname "$0")/.."

supported() {
    # Run it: a name on the PATH may be a shim for a Python that is not there.
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        if supported "$name"; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed; PYTHON=/path/to/python names one." >&2
    exit 1
}

pip() {
    .venv/bin/python -m pip "$@" --quiet --disable-pip-version-check --no-input
}

case "$1" in
    serve) lock=requirements.txt ;;
    dev) lock=requirements-dev.txt ;;
    *) echo "usage: install.sh serve|dev" >&2; exit 2 ;;
esac

if ! supported .venv/bin/python; then
    python=$(find_python)
    echo "Creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

echo "Installing $lock into .venv"
pip install --no-compile --require-hashes -r "$lock"
rm -rf .venv/build
pip install --no-compile --require-hashes --target .venv/build -r requirements-build.txt
PYTHONPATH=.venv/build pip install --no-build-isolation --no-deps --editable .

# Bytecode makes the first start as quick as the second, also where the environment forbids Python to write any.
# A user gets that of what the product imports (20 MB less than of all that was installed), a developer all, and that
# of the tests, which pytest writes for itself.
unset PYTHONDONTWRITEBYTECODE
.venv/bin/python -m compileall -q src
if [ "$1" = dev ]; then
    .venv/bin/python -m compileall -qq -j 0 .venv/lib/python3*/site-packages || true # some ship templates that are no Python
    .venv/bin/pytest -n0 --collect-only -qq >/dev/null || true # what is wrong with them, their run tells
else
    .venv/bin/python -c "import alembic.command, folkmoot.app, uvicorn.protocols.http.httptools_impl" ||
        echo "Installed, but the product cannot be imported; the first start will tell why." >&2
fi
touch .venv/serve.stamp
if [ "$1" = dev ]; then touch .venv/dev.stamp; fi
