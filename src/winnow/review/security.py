"""Who may talk to the app: this machine's own browser, or whoever holds the token; and in what form."""

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 8_000_000  # a verdict on each of 30,000 images
PATIENCE_S = 30.0  # for a request that begins and does not end
COOKIE = "winnow_token"
# A page of another site can send neither this header nor JSON without the browser asking us first, and we say no.
OWN_HEADER = b"x-winnow"
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware that refuses before anything else runs.

    - a `Host` that is not ours (a foreign name that was made to point here: DNS rebinding): 421;
    - an `Origin` that is not ours, or a request that the browser marks as cross-site: 403;
    - a request without the token, where one is asked for: 401;
    - a change that is not JSON with our own header, which forms of other pages cannot send: 415 or 403;
    - a body of more than 8 MB, whatever its length says: 413;
    - a body that does not end: 408.

    A page that is asked for with the token is answered with a cookie and the same address without it, so that the token
    stays neither in the address bar nor in the browser's history.
    """

    def __init__(self, app: App, *, host: str, port: int, token: str | None) -> None:
        """Args: the app; the address that is bound; the token, or None where none is asked for."""
        self._app, self._token, self._port = app, token, port
        names = {"127.0.0.1", "localhost", "::1", host.lower()}
        if not is_loopback(host):
            names.add(socket.gethostname().lower())
        self._names, self._any_address = names, host in ("0.0.0.0", "::")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websockets
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal:
            await _answer(send, *refusal)
            return
        if self._token is not None and _query_token(scope) and scope["method"] == "GET" and scope["path"] == "/":
            cookie = f"{COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Strict".encode()
            await _answer(send, 303, "the token is kept in a cookie", [(b"location", b"/"), (b"set-cookie", cookie)])
            return

        async def guarded_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
            await send(message)

        if scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, guarded_send)
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                body = await _whole_body(receive)
        except TimeoutError:
            await _answer(send, 408, "the request did not end")
            return
        if body is None:
            await _answer(send, 413, "the request is larger than 8 MB")
            return
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> MutableMapping[str, Any]:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, replay, guarded_send)

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        if not self._own_host(headers.get(b"host", "")):
            return 421, "this host name is not the app's; open the address that winnow printed"
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc.lower() != headers[b"host"].lower():
            return 403, "requests from other pages are refused"
        if headers.get(b"sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "requests from other sites are refused"
        if self._token is not None and not _has_token(scope, headers, self._token):
            return 401, "the token is missing or wrong; open the whole address that winnow printed"
        if not headers.get(b"content-length", "0").isdigit() or int(headers.get(b"content-length", "0")) > MOST_BYTES:
            return 413, "the request is larger than 8 MB"
        if scope["method"] not in ("GET", "HEAD"):
            if headers.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
                return 415, "changes are sent as JSON"
            if OWN_HEADER not in headers:
                return 403, "changes come from the app's own pages only"
        return None

    def _own_host(self, given: str) -> bool:
        try:
            parts = urlsplit(f"//{given}")
            name, port = parts.hostname or "", parts.port or 80
        except ValueError:
            return False
        if port != self._port or parts.netloc != given:
            return False
        if name in self._names:
            return True
        if not self._any_address:
            return False
        try:  # an address cannot be rebound, a name can
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


async def _whole_body(receive: Receive) -> bytes | None:
    """The request's body, None as soon as it grows too large, whatever length it announced."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return body


def _has_token(scope: Scope, headers: dict[bytes, str], token: str) -> bool:
    try:
        cookie = SimpleCookie(headers.get(b"cookie", "")).get(COOKIE)
    except CookieError:
        cookie = None
    given = [cookie.value] if cookie else []
    return any(hmac.compare_digest(text.encode(), token.encode()) for text in given + _query_token(scope))


def _query_token(scope: Scope) -> list[str]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])[:1]


async def _answer(send: Send, status: int, words: str, more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *_HEADERS, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{words}\n".encode()})
