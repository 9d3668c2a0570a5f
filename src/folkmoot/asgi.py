"""`uvicorn folkmoot.asgi:app`: the application as the environment and `.env` say."""

from folkmoot.app import create_app
from folkmoot.kernel.logs import log_to_stderr
from folkmoot.kernel.settings import WrongSetting, load_settings

try:
    settings = load_settings()
except WrongSetting as wrong:
    raise SystemExit(f"folkmoot: {wrong}") from None
log_to_stderr(settings.effective_log_level)
app = create_app(settings)
