"""What the views of the cleaning ask the server for: proposals, thresholds and the validation set."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from winnow.curation.rules import RULES, findings
from winnow.errors import WinnowError
from winnow.review import candidates, params_file, thresholds
from winnow.review.routes import MOST_CHANGES, Body, ImageChange, Verdict, applied, changes_of, label_cell
from winnow.review.session import Session
from winnow.review.whatif import dvc_command

router = APIRouter()


class Confirmation(Verdict):
    verdict: Literal["confirm", "reject"]
    label: Annotated[int, Field(ge=0)] | None = None  # a rejection written by hand may have none


class ConfirmationChange(ImageChange):
    verdict: Confirmation | None


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


@router.get("/api/truth")
def truth(request: Request) -> dict[str, Any]:
    """The true label of every image in the ledger's order, -1 where it is not known; None without a truth file."""
    return {"true_label": session_of(request).true_label()}


@router.get("/api/proposals")
def proposals(request: Request) -> JSONResponse:
    """What the pipeline proposes in groups, and what people's verdicts say of each."""
    return JSONResponse(session_of(request).proposals())


@router.post("/api/validation")
def confirm_images(request: Request, body: ConfirmationChanges) -> Response:
    """Write verdicts to validation.csv, all or none."""
    session = session_of(request)
    names = session.dataset.class_names
    changes = changes_of(session, body.changes, lambda verdict: _confirmation_row(verdict, names))
    session.check_ids(changes, outside_too=True)
    candidates.check_total(session, changes)
    return applied(session.validation, changes)


def _confirmation_row(verdict: Confirmation, names: list[str]) -> dict[str, str]:
    if verdict.label is None and verdict.verdict == "confirm":
        raise WinnowError("a confirmation says of which class; nothing was saved.")
    return {
        "label": "" if verdict.label is None else label_cell(verdict.label, names),
        "verdict": verdict.verdict,
        "reviewer": verdict.reviewer,
        "reason": verdict.reason,
    }


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
