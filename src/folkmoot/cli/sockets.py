"""WebSockets as uvicorn speaks them, faster and with the bounds it leaves open: fragments, pings, and deaf peers."""

from collections.abc import Iterable
from struct import pack
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from folkmoot.realtime.websocket import TEXTS

FRAGMENTS = 1_000
"""Of one message: an endless one is never as large as the bound on its size."""

LINGER_SECONDS = 5.0
_FINAL_TEXT = 0x81


class BoundedSocket(WebSocketsSansIOProtocol):
    """Several texts go out in one write; whoever floods, or takes nothing any more, is cut off."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # what is no handshake was answered already
            extensions: dict[str, dict[object, object]] = {**self.scope["extensions"], TEXTS: {}}
            self.scope["extensions"] = extensions

    async def send(self, message: Any) -> None:
        if message["type"] != "websocket.send" or message.get("bytes") is not None or not self.handshake_complete:
            await super().send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
                self.handshake_complete = True  # refused in full, which uvicorn would log as an error
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.conn.state is not State.OPEN:
            raise ClientDisconnected
        texts = message.get("texts")
        self.transport.write(framed((message["text"],) if texts is None else texts))

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS:
            self._fail(1009, "too many fragments")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            self.frames = [b"".join(self.frames)]
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                self._fail(1007, "text that is not UTF-8")
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answered where the peer takes answers: else they would pile up here."""
        pongs = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pongs)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._linger()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._linger()

    def _linger(self) -> None:
        """A close waits until the peer has taken what was sent before it, which may be never."""
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def framed(texts: Iterable[str]) -> bytes:
    """Each text as an unmasked frame of its own (RFC 6455, section 5.2)."""
    parts = []
    for text in texts:
        body = text.encode()
        size = len(body)
        if size < 126:
            parts.append(pack("!BB", _FINAL_TEXT, size))
        elif size < 65_536:
            parts.append(pack("!BBH", _FINAL_TEXT, 126, size))
        else:
            parts.append(pack("!BBQ", _FINAL_TEXT, 127, size))
        parts.append(body)
    return b"".join(parts)
