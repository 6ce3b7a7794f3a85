"""What the app's pages ask the server for to find images again: tags and saved views."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field, field_validator

from winnow.curation.tags import LONGEST_TAG, SEPARATOR, join_tags
from winnow.review.routes import (
    MOST_CHANGES,
    Body,
    ImageChange,
    Signed,
    applied,
    changes_of,
    one_line,
    session_of,
)

router = APIRouter()
_MOST_TAGS = 20  # of an image


class Tags(Signed):
    tags: Annotated[list[Annotated[str, Field(max_length=LONGEST_TAG)]], Field(min_length=1, max_length=_MOST_TAGS)]

    @field_validator("tags")
    @classmethod
    def _words(cls, tags: list[str]) -> list[str]:
        words = [one_line(tag) for tag in tags]
        if any(not word or SEPARATOR in word for word in words):
            raise ValueError(f"a tag is some words without a {SEPARATOR!r}")
        return words


class TagChange(ImageChange):
    verdict: Tags | None


class TagChanges(Body):
    changes: Annotated[list[TagChange], Field(min_length=1, max_length=MOST_CHANGES)]


class SavedView(Body):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    address: Annotated[str, Field(pattern=r"^[a-z]+(\?\S*)?$", max_length=200_000)] | None

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not one_line(name):
            raise ValueError("say how the view is called")
        return one_line(name)


@router.post("/api/tags")
def tag_images(request: Request, body: TagChanges) -> Response:
    """Write tags to tags.csv, all or none."""
    session = session_of(request)
    changes = changes_of(session, body.changes, _row)
    session.check_ids(changes)
    return applied(session.tags, changes)


def _row(verdict: Tags) -> dict[str, str]:
    return {"tags": join_tags(verdict.tags), "reviewer": verdict.reviewer}


@router.get("/api/views")
def saved_views(request: Request) -> dict[str, str]:
    """Addresses of saved views by name."""
    return session_of(request).saved_views.read()


@router.post("/api/views")
def save_view(request: Request, body: SavedView) -> dict[str, str]:
    """Save a view, or forget one, and say which there are."""
    return session_of(request).saved_views.write(body.name, body.address)
