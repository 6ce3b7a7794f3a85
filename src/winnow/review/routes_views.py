"""What the views of groups ask the server for."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from winnow.review.duplicates import duplicate_groups, test_leaks, validation_leaks
from winnow.review.routes import session_of

router = APIRouter()


@router.get("/api/duplicates")
def duplicates(request: Request) -> JSONResponse:
    """Duplicate groups, and leaks from training into the validation set and the test sets.

    `test` is None where no run has looked for leaks into a test set.
    """
    session = session_of(request)
    ledger, path = session.dataset.ledger, session.workspace.path("predictions", arm="submission")
    test = test_leaks(session.workspace.table("predictions", arm="submission")) if path.is_file() else None
    return JSONResponse({"groups": duplicate_groups(ledger), "validation": validation_leaks(ledger), "test": test})
