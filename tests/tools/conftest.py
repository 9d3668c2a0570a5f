"""The application as a client meets it."""

from tests.app_fixtures import app, client

__all__ = ["app", "client"]
