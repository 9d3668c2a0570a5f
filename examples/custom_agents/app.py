"""The application: Folkmoot's, with the example's own routes added. `uvicorn custom_agents.app:app`."""

from custom_agents.routes import counts, router
from folkmoot import create_app

app = create_app()
app.include_router(router)
app.include_router(counts)
