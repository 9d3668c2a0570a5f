# The image: what `make serve` installs plus every extra, by hash, run by a user of its own.
# docs/deployment.md says how to use it. It needs no compiler.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements-all.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/folkmoot \
    && pip --python /opt/folkmoot/bin/python install --no-compile --require-hashes --only-binary :all: \
        -r requirements-all.txt \
    && pip install --require-hashes --only-binary :all: --target backend -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
# The bytecode is never compared with its source: nothing in an image changes. Some packages ship templates that are
# no Python, so only what the product itself needs has to compile.
RUN PYTHONPATH=/build/backend pip --python /opt/folkmoot/bin/python install --no-compile --no-build-isolation --no-deps . \
    && { python -m compileall -qq -j 0 --invalidation-mode unchecked-hash /opt/folkmoot/lib || true; } \
    && /opt/folkmoot/bin/python -c "import asyncpg, folkmoot.app, folkmoot.cli, redis"

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Folkmoot" \
    org.opencontainers.image.description="A self-hosted backend where teams of AI agents and people work, debate and decide" \
    org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 folkmoot \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin folkmoot \
    && install -d -o folkmoot -g folkmoot -m 0700 /data
COPY --from=build /opt/folkmoot /opt/folkmoot
ENV PATH=/opt/folkmoot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    API_HOST=0.0.0.0 \
    API_PORT=8000 \
    AUTH=required \
    DATA_DIR=/data \
    RATE_LIMIT_PER_MINUTE=3000 \
    ACCESS_LOG=true
WORKDIR /data
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
# For `serve`; a worker takes no calls, and whoever runs one in a container turns this check off.
# Past urllib's proxies, which an engine may put into the environment of every container.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os; from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:' + os.environ['API_PORT'] + '/health/live', timeout=4)"]
ENTRYPOINT ["folkmoot"]
CMD ["serve"]
