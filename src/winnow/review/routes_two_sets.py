"""What the view of two sets asks the server for."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from winnow.review.two_sets_session import TwoSetsSession
from winnow.review.worst_classes import side_by_side

router = APIRouter()


@router.get("/api/sets")
def sets(request: Request) -> JSONResponse:
    """Both sets side by side; see `side_by_side`."""
    session: TwoSetsSession = request.app.state.session
    return JSONResponse(side_by_side(session.dataset))
