"""The body of a request as it arrives: within a number of bytes, and not slower than a slow line.

What proves too large or too slow is cut off, and nothing of it is stored.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATIENCE_S = 60  # for the first bytes of a body, and for each wait after that
_LEAST_BYTES_PER_S = 16 * 1024  # after that


class CutOffError(Exception):
    """The body is too large or too slow; its `response` says so."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.body)
        self.response = response


class LimitedBody:
    """Receives a body within its limits."""

    def __init__(self, receive: Receive, limit: int) -> None:
        """Wrap `receive` of one request; `limit` is in bytes."""
        self._receive, self._limit = receive, limit
        self._started_s = monotonic()
        self._received_bytes = 0
        self.cut_off: CutOffError | None = None

    async def receive(self) -> Message:
        """The next message.

        Raises:
            CutOffError: the body is larger or slower than its limits.
        """
        deadline_s = self._started_s + _PATIENCE_S + self._received_bytes / _LEAST_BYTES_PER_S
        try:
            async with asyncio.timeout(deadline_s - monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise self._cut(too_slow()) from None
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > self._limit:
            raise self._cut(too_large(self._limit))
        return message

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            CutOffError: as `receive`.
            ConnectionError: the client has gone.
        """
        body = bytearray()
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the client has gone")
            body += message.get("body", b"")
            if not message.get("more_body", False):
                return bytes(body)

    def _cut(self, response: Response) -> CutOffError:
        self.cut_off = CutOffError(response)
        return self.cut_off


def replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """What gives a body that was read already; afterwards it waits for the client to go."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


async def stream(app: ASGIApp, body: LimitedBody, scope: Scope, send: Send) -> None:
    """Call the application with a body as it arrives; of what is cut off, the answer is a refusal.

    Raises:
        CutOffError: the body was cut off before the application answered.
    """

    async def send_if_whole(message: Message) -> None:
        if body.cut_off is None:
            await send(message)

    try:
        await app(scope, body.receive, send_if_whole)
    except Exception:  # frameworks wrap CutOffError, also in exception groups
        if body.cut_off is None:
            raise
    if body.cut_off is not None:
        raise body.cut_off


def too_large(limit: int) -> Response:
    """The refusal of a body with more bytes than `limit`."""
    reason = f"the request is too large: at most {limit / 2**20:g} MiB are accepted"
    return PlainTextResponse(reason, 413, {"Connection": "close"})


def too_slow() -> Response:
    """The refusal of a body that does not arrive."""
    return PlainTextResponse("the body of the request arrived too slowly; send it again", 408, {"Connection": "close"})
