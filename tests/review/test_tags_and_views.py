"""Tags and saved views over the server, and that a refusal writes nothing."""

import json

import pytest
from fastapi.testclient import TestClient

from winnow.errors import WinnowError
from winnow.review.saved_views import SavedViews
from winnow.review.server import create_app
from winnow.review.session import Session
from workspaces import write_workspace

OWN = {"X-Winnow": "1"}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("tags") / "animals", images=60)


@pytest.fixture
def client(folder):
    app = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None)
    return TestClient(app, base_url="http://127.0.0.1:8642", raise_server_exceptions=False)


def tagging(*tags, image_id="img_000001", expected=None, reviewer="ada"):
    verdict = {"tags": list(tags), "reviewer": reviewer} if tags else None
    return {"changes": [{"image_id": image_id, "expected": expected, "verdict": verdict}]}


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".winnow" not in path.parts}


def test_tags_are_written_replaced_and_taken_back(client, folder):
    assert client.post("/api/tags", json=tagging("blurry", "ask ada"), headers=OWN).status_code == 200
    row = client.get("/api/verdicts").json()["tags"]["img_000001"]
    assert (row["tags"], row["reviewer"]) == ("blurry; ask ada", "ada") and len(row["bytes_sha256"]) == 64
    assert "img_000001,blurry; ask ada,ada," in (folder / "data/review/tags.csv").read_text()
    other = tagging("night", reviewer="grace")
    assert client.post("/api/tags", json=other, headers=OWN).status_code == 409, "it was not seen"
    seen = {"tags": "blurry; ask ada", "reviewer": "ada"}
    assert client.post("/api/tags", json=tagging("night", expected=seen), headers=OWN).status_code == 200
    seen = {"tags": "night", "reviewer": "ada"}
    assert client.post("/api/tags", json=tagging(expected=seen), headers=OWN).status_code == 200
    assert client.get("/api/verdicts").json()["tags"] == {}


def test_views_are_saved_by_name_and_forgotten(client, folder):
    view = {"name": "my  cats", "address": "gallery?label=3&tag=tag%3Ablurry"}
    assert client.post("/api/views", json=view, headers=OWN).json() == {"my cats": view["address"]}
    client.post("/api/views", json={"name": "all", "address": "gallery"}, headers=OWN)
    assert list(client.get("/api/views").json()) == ["all", "my cats"]
    assert json.loads((folder / "data/views.json").read_text()) == client.get("/api/views").json()
    forgotten = client.post("/api/views", json=view | {"address": None}, headers=OWN)
    assert forgotten.json() == {"all": "gallery"}
    (folder / "data/views.json").write_text("[1]")
    answer = client.get("/api/views")
    assert answer.status_code == 422 and "holds no addresses by name" in answer.json()["error"]
    broken = SavedViews(folder / "data/views.json", lock=folder / ".winnow/review.lock")
    with pytest.raises(WinnowError):
        broken.write("x", "gallery")
    assert (folder / "data/views.json").read_text() == "[1]", "what cannot be read is not written over"


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("tags", tagging("x", image_id="img_nobody"), "there is no image 'img_nobody'"),
        ("tags", tagging("a;b"), "a tag is some words"),
        ("tags", tagging(" "), "a tag is some words"),
        ("tags", tagging("x" * 41), "tags"),
        ("tags", tagging(*[f"t{i}" for i in range(21)]), "tags"),
        ("tags", tagging("x", reviewer="rule"), "take another name"),
        ("views", {"name": "x", "address": "https://evil.example/"}, "address"),
        ("views", {"name": "x", "address": "javascript:alert(1)"}, "address"),
        ("views", {"name": "x", "address": "gallery?a=1 b"}, "address"),
        ("views", {"name": " ", "address": "gallery"}, "say how the view is called"),
        ("views", {"name": "x" * 81, "address": "gallery"}, "name"),
    ],
)
def test_bad_tags_and_views_are_refused_in_words(client, folder, path, body, words):
    before = files(folder)
    answer = client.post(f"/api/{path}", json=body, headers=OWN)
    assert answer.status_code == 422 and words in answer.json()["error"]
    assert files(folder) == before
