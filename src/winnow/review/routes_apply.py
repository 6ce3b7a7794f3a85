"""What the page asks for to run the pipeline in the background."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request

from winnow.review.applying import Busy
from winnow.review.routes import Body
from winnow.review.routes_cleaning import session_of

router = APIRouter()


@router.get("/api/apply")
def how_it_goes(request: Request) -> dict[str, Any]:
    """How the run goes, or what the last one changed."""
    return session_of(request).applied()


@router.post("/api/apply")
def start(request: Request, body: Body) -> dict[str, Any]:
    """Run the pipeline up to the quick check; one at a time."""
    session = session_of(request)
    try:
        session.apply()
    except Busy:
        raise HTTPException(409, "the pipeline is running already; wait for it, or stop it.") from None
    return session.applied()


@router.post("/api/apply/stop")
def stop(request: Request, body: Body) -> dict[str, Any]:
    """End the run; what is done stays done, and the next one goes on from there."""
    session = session_of(request)
    session.applying.stop()
    return session.applied()
