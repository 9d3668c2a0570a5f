"""/docs and /redoc from vendored files: they work offline and load nothing from anywhere else."""

from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; "
    "worker-src {workers}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SWAGGER_POLICY = _POLICY.format(styles="'self'", workers="'none'")
# The style elements that Redoc makes, by their hashes: one is empty, and filled by script.
_REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
_REDOC_POLICY = _POLICY.format(styles=_REDOC_STYLES, workers="blob:")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Folkmoot API</title><link rel="icon" href="data:,">{head}
</head>
<body>{body}</body>
</html>
"""
_SWAGGER = _PAGE.format(
    head='<link rel="stylesheet" href="/docs/assets/swagger-ui.css">',
    body=(
        '<div id="swagger-ui"></div><script src="/docs/assets/swagger-ui-bundle.js"></script>'
        '<script src="/docs/assets/docs.js"></script>'
    ),
)
_REDOC = _PAGE.format(
    head="",
    body='<redoc spec-url="/openapi.json"></redoc><script src="/docs/assets/redoc.standalone.js"></script>',
)


async def _swagger(_: Request) -> HTMLResponse:
    return HTMLResponse(_SWAGGER, headers={"Content-Security-Policy": _SWAGGER_POLICY})


async def _redoc(_: Request) -> HTMLResponse:
    return HTMLResponse(_REDOC, headers={"Content-Security-Policy": _REDOC_POLICY})


def add_docs(app: FastAPI) -> None:
    """The two pages that show /openapi.json, and their files."""
    app.router.routes += [
        Route("/docs", _swagger),
        Route("/redoc", _redoc),
        Mount("/docs/assets", StaticFiles(directory=STATIC), name="docs assets"),
    ]
