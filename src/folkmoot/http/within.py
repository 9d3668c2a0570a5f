"""What the application holds open around every request, such as a context variable of its own."""

from contextlib import nullcontext

from starlette.types import ASGIApp, Receive, Scope, Send


class Within:
    """Enters `app.state.hold()` around every request and socket; a lifespan sets it, so it may not be there yet."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hold = getattr(scope["app"].state, "hold", nullcontext)
        with hold():
            await self.app(scope, receive, send)
