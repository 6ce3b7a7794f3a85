"""What the app's pages ask the server for in every workspace."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from winnow.errors import WinnowError
from winnow.review.base_session import BaseSession
from winnow.review.similar import like_rows
from winnow.review.verdicts import Change, Conflict, VerdictFile

router = APIRouter()
MOST_CHANGES = 40_000
_MOST_ASKED = 5000
_YEAR = "private, max-age=31536000, immutable"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def one_line(text: str) -> str:
    """Text as a CSV cell that stays on its line: control characters become blanks."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class Signed(Body):
    reviewer: Annotated[str, Field(min_length=1, max_length=80)]

    @field_validator("reviewer")
    @classmethod
    def _named(cls, text: str) -> str:
        text = one_line(text)
        if not text:
            raise ValueError("say who decides")
        if text.lower() == "rule":
            raise ValueError("'rule' stands for the pipeline's own rules; take another name")
        return text


class Verdict(Signed):
    reason: Annotated[str, Field(max_length=500)] = ""

    @field_validator("reason")
    @classmethod
    def _plain(cls, text: str) -> str:
        return one_line(text)


class Decision(Verdict):
    action: Literal["keep", "relabel", "drop"]
    label: Annotated[int, Field(ge=0)] | None = None


class ImageChange(Body):
    image_id: Annotated[str, Field(min_length=1, max_length=300)]
    expected: dict[str, str] | None


class DecisionChange(ImageChange):
    verdict: Decision | None


class LikeImages(Body):
    rows: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=_MOST_ASKED)]


class DecisionChanges(Body):
    changes: Annotated[list[DecisionChange], Field(min_length=1, max_length=MOST_CHANGES)]


def session_of(request: Request) -> BaseSession[Any]:
    session: BaseSession[Any] = request.app.state.session
    return session


@router.get("/api/dataset")
def dataset(request: Request) -> dict[str, Any]:
    """What there is, in short."""
    session = session_of(request)
    data = session.dataset
    return {
        **data.described(),
        **session.described(),
        "views": session.views,
        "version": session.version,
        "name": session.workspace.root.name,
        "meanings": data.meanings(),
        "reviewer": session.reviewer,
    }


@router.get("/api/points")
def points(request: Request) -> Response:
    """Places, labels, outcomes, scores and ids of all images; see `pack_points`."""
    return Response(session_of(request).points(), media_type="application/octet-stream")


@router.get("/api/image/{image_id:path}")
def explain_image(request: Request, image_id: str) -> JSONResponse:
    """All that the ledger says of one image, and its nearest neighbours."""
    data = session_of(request).dataset
    row = data.position.get(image_id)
    if row is None:
        raise HTTPException(404, "there is no such image")
    return JSONResponse({"row": row, "explanation": data.explanation(row), "neighbours": data.neighbours(row)})


@router.get("/image/{image_id:path}")
def image_file(request: Request, image_id: str) -> Response:
    """The image as it came, from memory: names are looked up and never used as paths."""
    content = session_of(request).dataset.image_bytes(image_id)
    if content is None:
        raise HTTPException(404, "there is no such image")
    return Response(content, media_type="image/jpeg", headers={"cache-control": _YEAR})


@router.get("/original/{image_id:path}")
def original_file(request: Request, image_id: str) -> Response:
    """The image's pixels at the resolution that it came in, encoded anew; the id is looked up, and the archive's name
    for it comes from the ledger."""
    found = session_of(request).original(image_id)
    if found is None:
        raise HTTPException(404, "there is no such image")
    content, media_type = found
    return Response(content, media_type=media_type, headers={"cache-control": _YEAR})


@router.get("/api/verdicts")
def verdicts(request: Request) -> dict[str, Any]:
    """What the review files hold now.

    `problem` says why one cannot be read or would stop the pipeline, `notice` which rows are about no image.
    """
    session = session_of(request)
    files = session.verdict_files
    answer: dict[str, Any] = {"decisions": {}, "validation": {}, "tags": {}, "problem": "", "notice": ""}
    try:
        answer |= {name: file.read() for name, file in files.items()}
        answer["notice"] = " ".join(warning for read in session.reviews() for warning in read.warnings)
    except WinnowError as error:
        answer["problem"] = str(error)
    return answer


@router.post("/api/decisions")
def decide_images(request: Request, body: DecisionChanges) -> Response:
    """Write verdicts to decisions.csv, all or none."""
    session = session_of(request)
    names = session.dataset.class_names
    changes = changes_of(session, body.changes, lambda verdict: _decision_row(verdict, names))
    session.check_ids(changes)
    return applied(session.decisions, changes)


@router.post("/api/similar")
def like_images(request: Request, body: LikeImages) -> Response:
    """The cosine of every image with the mean of some, float32 in the ledger's order."""
    dataset = session_of(request).dataset
    rows = np.array(body.rows)
    if rows.max() >= len(dataset.ledger):
        raise HTTPException(404, "there is no such image")
    return packed(like_rows(dataset.features(), rows))


def packed(values: np.ndarray) -> Response:
    """(N,) numbers as float32."""
    return Response(values.astype("<f4").tobytes(), media_type="application/octet-stream")


def changes_of(session: BaseSession[Any], asked: Sequence[Any], row: Callable[[Any], dict[str, str]]) -> list[Change]:
    """What a request asks to write, `row` being the cells of a verdict; refused while the pipeline reads verdicts."""
    if session.is_reading:
        raise HTTPException(423, "the pipeline is reading the verdicts; try again in a moment, nothing was saved.")
    return [Change(it.image_id, it.expected, row(it.verdict) if it.verdict else None) for it in asked]


def applied(file: VerdictFile, changes: list[Change]) -> Response:
    if len({change.image_id for change in changes}) < len(changes):
        raise HTTPException(422, "an image stands twice in one request; nothing was saved.")
    try:
        rows = file.apply(changes)
    except Conflict as conflict:
        words = "this was decided elsewhere in the meantime; what you see now is what the file holds"
        return JSONResponse({"error": words, "current": conflict.current}, status_code=409)
    return JSONResponse({"rows": {change.image_id: rows.get(change.image_id) for change in changes}})


def _decision_row(verdict: Decision, names: list[str]) -> dict[str, str]:
    if (verdict.action == "relabel") != (verdict.label is not None):
        raise WinnowError("a new label belongs to 'relabel', and to nothing else; nothing was saved.")
    return {
        "action": verdict.action,
        "label": "" if verdict.label is None else label_cell(verdict.label, names),
        "reviewer": verdict.reviewer,
        "reason": verdict.reason,
    }


def label_cell(label: int, names: list[str]) -> str:
    """The class's name where the pipeline reads it as that class again, else its number."""
    if label >= len(names):
        raise WinnowError(f"there is no class {label}; nothing was saved.")
    name = names[label]
    return name if name == one_line(name) and names.index(name) == label else str(label)
