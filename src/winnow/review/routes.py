"""What the app's pages ask the server for."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from winnow.curation.rules import RULES, findings
from winnow.errors import WinnowError
from winnow.review import candidates, params_file, thresholds
from winnow.review.session import Session
from winnow.review.similar import can_embed, text_encoder
from winnow.review.verdicts import Change, Conflict, VerdictFile
from winnow.review.whatif import dvc_command

router = APIRouter()
MOST_CHANGES = 40_000
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


class _Verdict(Signed):
    reason: Annotated[str, Field(max_length=500)] = ""

    @field_validator("reason")
    @classmethod
    def _plain(cls, text: str) -> str:
        return one_line(text)


class Decision(_Verdict):
    action: Literal["keep", "relabel", "drop"]
    label: Annotated[int, Field(ge=0)] | None = None


class Confirmation(_Verdict):
    verdict: Literal["confirm", "reject"]
    label: Annotated[int, Field(ge=0)] | None = None  # a rejection written by hand may have none


class ImageChange(Body):
    image_id: Annotated[str, Field(min_length=1, max_length=300)]
    expected: dict[str, str] | None


class DecisionChange(ImageChange):
    verdict: Decision | None


class ConfirmationChange(ImageChange):
    verdict: Confirmation | None


class DecisionChanges(Body):
    changes: Annotated[list[DecisionChange], Field(min_length=1, max_length=MOST_CHANGES)]


class ConfirmationChanges(Body):
    changes: Annotated[list[ConfirmationChange], Field(min_length=1, max_length=MOST_CHANGES)]


class Question(Body):
    thresholds: dict[str, Any]


class Save(Body):
    thresholds: dict[str, Any]
    params_digest: str


def session_of(request: Request) -> Session:
    session: Session = request.app.state.session
    return session


@router.get("/api/dataset")
def dataset(request: Request) -> dict[str, Any]:
    """What there is, in short."""
    session = session_of(request)
    data = session.dataset
    embed = data.params.embed.model_dump()
    return {
        **data.described(),
        "version": session.version,
        "name": session.workspace.root.name,
        "image_size": data.params.data.image_size,
        "meanings": data.meanings(),
        "reviewer": session.reviewer,
        "outside": len(data.outside),
        "knows_words": text_encoder(embed),
        "embeds_pictures": can_embed(embed),
        "validation_limits": {"least": 10, "most": data.params.validation.max_total},
    }


@router.get("/api/points")
def points(request: Request) -> Response:
    """Places, labels, outcomes, scores and ids of all images; see `pack_points`."""
    return Response(session_of(request).points(), media_type="application/octet-stream")


@router.get("/api/image/{image_id}")
def explain_image(request: Request, image_id: str) -> JSONResponse:
    """All that the ledger says of one image, and its nearest neighbours."""
    data = session_of(request).dataset
    row = data.position.get(image_id)
    if row is None:
        raise HTTPException(404, "there is no such image")
    return JSONResponse({"row": row, "explanation": data.explanation(row), "neighbours": data.neighbours(row)})


@router.get("/image/{image_id}")
def image_file(request: Request, image_id: str) -> Response:
    """The image as it came, from memory: names are looked up and never used as paths."""
    content = session_of(request).dataset.image_bytes(image_id)
    if content is None:
        raise HTTPException(404, "there is no such image")
    return Response(content, media_type="image/jpeg", headers={"cache-control": _YEAR})


@router.get("/original/{image_id}")
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
    answer: dict[str, Any] = {"decisions": {}, "validation": {}, "tags": {}, "problem": "", "notice": ""}
    try:
        answer["decisions"] = session.decisions.read()
        answer["validation"] = session.validation.read()
        answer["tags"] = session.tags.read()
        read = (session.review(), session.confirmations(), session.given_tags())
        answer["notice"] = " ".join(warning for file in read for warning in file.warnings)
    except WinnowError as error:
        answer["problem"] = str(error)
    return answer


@router.get("/api/truth")
def truth(request: Request) -> dict[str, Any]:
    """The true label of every image in the ledger's order, -1 where it is not known; None without a truth file."""
    return {"true_label": session_of(request).true_label()}


@router.get("/api/proposals")
def proposals(request: Request) -> JSONResponse:
    """What the pipeline proposes in groups, and what people's verdicts say of each."""
    return JSONResponse(session_of(request).proposals())


@router.post("/api/decisions")
def decide_images(request: Request, body: DecisionChanges) -> Response:
    """Write verdicts to decisions.csv, all or none."""
    session = session_of(request)
    refuse_while_read(session)
    changes = _changes(body, _decision_row, session.dataset.class_names)
    session.check_ids(changes, outside_too=False)
    return applied(session.decisions, changes)


@router.post("/api/validation")
def confirm_images(request: Request, body: ConfirmationChanges) -> Response:
    """Write verdicts to validation.csv, all or none."""
    session = session_of(request)
    refuse_while_read(session)
    changes = _changes(body, _confirmation_row, session.dataset.class_names)
    session.check_ids(changes, outside_too=True)
    candidates.check_total(session, changes)
    return applied(session.validation, changes)


def refuse_while_read(session: Session) -> None:
    if session.applying.reading:
        raise HTTPException(423, "the pipeline is reading the verdicts; try again in a moment, nothing was saved.")


def _changes(
    body: DecisionChanges | ConfirmationChanges, row: Callable[[Any, list[str]], dict[str, str]], names: list[str]
) -> list[Change]:
    """What is asked for, with each verdict as the `row` of its file; None takes a verdict back."""
    return [
        Change(it.image_id, it.expected, None if it.verdict is None else row(it.verdict, names)) for it in body.changes
    ]


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
        "label": "" if verdict.label is None else _label_cell(verdict.label, names),
        "reviewer": verdict.reviewer,
        "reason": verdict.reason,
    }


def _confirmation_row(verdict: Confirmation, names: list[str]) -> dict[str, str]:
    if verdict.label is None and verdict.verdict == "confirm":
        raise WinnowError("a confirmation says of which class; nothing was saved.")
    return {
        "label": "" if verdict.label is None else _label_cell(verdict.label, names),
        "verdict": verdict.verdict,
        "reviewer": verdict.reviewer,
        "reason": verdict.reason,
    }


def _label_cell(label: int, names: list[str]) -> str:
    """The class's name where the pipeline reads it as that class again, else its number."""
    if label >= len(names):
        raise WinnowError(f"there is no class {label}; nothing was saved.")
    name = names[label]
    return name if name == one_line(name) and names.index(name) == label else str(label)


@router.get("/api/validation")
def validation_candidates(request: Request) -> JSONResponse:
    """Images chosen for the validation set and external photos, class by class."""
    return JSONResponse(candidates.candidates(session_of(request).dataset))


@router.get("/api/thresholds")
def thresholds_in_force(request: Request) -> dict[str, Any]:
    """The thresholds in force, what each means and may be, and how rules and what they look for are called."""
    session = session_of(request)
    values = session.thresholds()
    return {
        "thresholds": values,
        "described": thresholds.described(values),
        "histograms": thresholds.histograms(session.dataset.ledger, values),
        "rules": {rule.name: rule.title for rule in RULES},
        "targets": {finding.target.key: finding.target.words for finding in findings()},
        "params_digest": session.params_digest(),
        "has_truth": session.has_truth(),
    }


@router.post("/api/whatif")
def what_if(request: Request, body: Question) -> JSONResponse:
    """What these thresholds would do, compared with those in force."""
    session = session_of(request)
    asked, before = thresholds.checked(body.thresholds), session.thresholds()
    answer = session.what_if(asked, before=before)
    return JSONResponse({**answer, "command": dvc_command(asked, before=before)})


@router.post("/api/params")
def save_params(request: Request, body: Save) -> Response:
    """Write the thresholds to params.yaml."""
    session = session_of(request)
    asked = thresholds.checked(body.thresholds)
    try:
        written = params_file.save_thresholds(
            session.workspace.root / "params.yaml",
            thresholds.saved(asked, before=session.thresholds()),
            expected=body.params_digest,
        )
    except params_file.Changed:
        return JSONResponse({"error": "params.yaml was changed elsewhere; reload the page first."}, status_code=409)
    return JSONResponse({"params_digest": written})
