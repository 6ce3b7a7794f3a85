"""What the views of groups ask the server for."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from winnow.review.duplicates import duplicate_groups, test_leaks, validation_leaks
from winnow.review.groups import Size
from winnow.review.routes import Body, packed
from winnow.review.routes_cleaning import session_of

router = APIRouter()


class LikePicture(Body):
    picture: Annotated[str, Field(min_length=1)]


class LikeWords(Body):
    words: Annotated[str, Field(min_length=1, max_length=200)]


class Second(Body):
    text: str


@router.get("/api/duplicates")
def duplicates(request: Request) -> JSONResponse:
    """Duplicate groups, and leaks from training into the validation set and the test sets.

    `test` is None where no run has looked for leaks into a test set.
    """
    session = session_of(request)
    ledger, path = session.dataset.ledger, session.workspace.path("predictions", arm="submission")
    test = test_leaks(session.workspace.table("predictions", arm="submission")) if path.is_file() else None
    return JSONResponse({"groups": duplicate_groups(ledger), "validation": validation_leaks(ledger), "test": test})


@router.get("/api/groups")
def groups(request: Request, size: Size = "medium") -> dict[str, Any]:
    """Rows of each group of the map, the most typical first; None where there is no map."""
    found = session_of(request).groups(size)
    return {"groups": None if found is None else [rows.tolist() for rows in found]}


@router.get("/api/statistics")
def statistics(request: Request) -> JSONResponse:
    """Figures by class, size, fault and reviewer."""
    return JSONResponse(session_of(request).statistics())


@router.get("/api/second")
def second(request: Request) -> JSONResponse:
    """The second reviewer's verdicts compared with the own ones; None where there are none."""
    return JSONResponse({"compared": session_of(request).second()})


@router.post("/api/second")
def take_second(request: Request, body: Second) -> JSONResponse:
    """Keep a CSV of verdicts to compare with, in place of the one before; "" forgets it. It decides nothing."""
    session = session_of(request)
    session.save_second(body.text)
    return JSONResponse({"compared": session.second()})


@router.post("/api/similar/picture")
def like_picture(request: Request, body: LikePicture) -> Response:
    """The same with a picture from elsewhere, in base64."""
    session = session_of(request)
    try:
        picture = base64.b64decode(body.picture, validate=True)
    except ValueError:
        raise HTTPException(422, "the picture is no base64") from None
    return packed(session.lookalikes.like_picture(picture, session.dataset.features))


@router.post("/api/similar/words")
def like_words(request: Request, body: LikeWords) -> Response:
    """The same with words in English, where the encoder has a text tower."""
    session = session_of(request)
    return packed(session.lookalikes.like_words(body.words, session.dataset.features()))
