"""The app's web server."""

import getpass
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from winnow.errors import WinnowError, in_words
from winnow.params.load import pipeline_of
from winnow.review import (
    routes,
    routes_apply,
    routes_cleaning,
    routes_filtered,
    routes_tags,
    routes_two_sets,
    routes_views,
)
from winnow.review.base_session import BaseSession
from winnow.review.filtered_session import FilteredSession
from winnow.review.patience import PatientProtocol
from winnow.review.security import Guard, is_loopback
from winnow.review.session import Session
from winnow.review.two_sets_session import TwoSetsSession
from winnow.stage import warn

STATIC = Path(__file__).parent / "static"
_ROUTES = {  # beside those of every workspace
    Session: (routes_cleaning, routes_apply, routes_views),
    TwoSetsSession: (routes_two_sets,),
    FilteredSession: (routes_filtered,),
}


def create_app(session: BaseSession[Any], *, host: str, port: int, token: str | None) -> Guard:
    """The whole app over a session; `host` and `port` are the address that it answers for."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        session.stop()

    app = FastAPI(title="winnow review", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.session = session
    for module in (routes, routes_tags, *_ROUTES[type(session)]):
        app.include_router(module.router)

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    app.mount("/static", _Static(directory=STATIC))
    app.exception_handler(WinnowError)(_bad_input)
    app.exception_handler(OSError)(_system_fault)
    app.exception_handler(RequestValidationError)(_bad_request)
    app.exception_handler(HTTPException)(_http_error)
    return Guard(app, host=host, port=port, token=token)


class _Static(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "no-cache"  # an upgrade of winnow shows at once
        return response


async def _bad_input(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=422)


async def _system_fault(request: Request, error: OSError) -> JSONResponse:
    words = in_words(error)
    if words is None:
        raise error
    return JSONResponse({"error": words}, status_code=500)


async def _bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return JSONResponse({"error": f"{where or 'the request'}: {first['msg'].lower()}."}, status_code=422)


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error": str(error.detail)}, status_code=error.status_code)


def open_session(root: Path, *, reviewer: str, columns: Path | None = None) -> BaseSession[Any]:
    """A session over what the pipeline of a folder wrote.

    Args:
        root: the workspace, of the cleaning, `shift` or `filter`.
        reviewer: who the reviewer is taken to be until they say.
        columns: a CSV of `image_id` and the user's own columns.

    Raises:
        WinnowError: if the pipeline has not run, or the folder is of another one.
    """
    match pipeline_of(root / "params.yaml"):
        case "":
            return Session(root, reviewer=reviewer, columns=columns)
        case "shift" | "filter" as name if columns is not None:
            raise WinnowError(f"--columns is for workspaces of the cleaning; leave it out where 'winnow {name}' ran.")
        case "shift":
            return TwoSetsSession(root, reviewer=reviewer)
        case "filter":
            return FilteredSession(root, reviewer=reviewer)
        case other:
            raise WinnowError(
                f"{root} is a workspace of pipelines/{other}, which the review app does not show; name one of the "
                "cleaning, of 'winnow shift' or of 'winnow filter'."
            )


def serve(root: Path, *, host: str, port: int, open_browser: bool, columns: Path | None = None) -> None:
    """Serve the app until interrupted, and print its address.

    Args:
        root: the workspace.
        host: address to bind; other than loopback, a token is asked for.
        port: 0 takes a free one.
        open_browser: whether to open the address in the default browser.
        columns: a CSV of `image_id` and the user's own columns.

    Raises:
        WinnowError: as `open_session` does, and if the address cannot be bound.
    """
    session = open_session(root, reviewer=_user(), columns=columns)
    warn(session.dataset.own.warnings)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # who opens the address as soon as it is printed waits a moment, and is not refused
    except (OSError, OverflowError) as error:
        listener.close()
        raise WinnowError(
            f"{host}:{port} cannot be bound ({getattr(error, 'strerror', None) or error}); name another --port, or "
            "--port 0 for any free one."
        ) from None
    with listener:
        port = listener.getsockname()[1]
        token = None if is_loopback(host) else secrets.token_urlsafe(24)
        shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
        shown = f"[{shown}]" if ":" in shown else shown
        address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
        print(f"winnow review: {len(session.dataset.ledger):,} images at {address} (Ctrl+C ends it)", flush=True)
        if token:
            print(
                "winnow: others on the network can reach this address; only who has the token gets in, and what they "
                "send is not encrypted.",
                file=sys.stderr,
                flush=True,
            )
        threading.Thread(target=session.warm, daemon=True).start()
        if open_browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        app = create_app(session, host=host, port=port, token=token)
        config = uvicorn.Config(
            app, http=PatientProtocol, ws="none", log_level="warning", access_log=False, server_header=False
        )
        uvicorn.Server(config).run(sockets=[listener])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        return ""
