"""Connections that begin a request and do not end it are closed: uvicorn waits for the head of a request for ever."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from winnow.review import security


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP, with `security.PATIENCE_S` from the start of a connection or request to the end of its head."""

    _until_head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._until_head is None:
            self._until_head = self.loop.call_later(security.PATIENCE_S, self.transport.close)

    def _stop(self) -> None:
        if self._until_head is not None:
            self._until_head.cancel()
            self._until_head = None
