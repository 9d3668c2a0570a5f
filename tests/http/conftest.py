"""The application as a client meets it."""

from tests.app_fixtures import app, client, kept_app, shared_app

__all__ = ["app", "client", "kept_app", "shared_app"]
