"""What the view of groups asks the server for where a dataset is filtered."""

from typing import Any

from fastapi import APIRouter, Request

from winnow.review.filtered_session import FilteredSession

router = APIRouter()


@router.get("/api/groups")
def groups(request: Request) -> dict[str, Any]:
    """Rows of each group of alike images, the most typical first."""
    session: FilteredSession = request.app.state.session
    return {"groups": [rows.tolist() for rows in session.dataset.groups]}
