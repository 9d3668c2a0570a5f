"""`uvicorn folkmoot.asgi:app`: the application as environment and `.env` say."""

from folkmoot.app import app_of_environment

app = app_of_environment()
