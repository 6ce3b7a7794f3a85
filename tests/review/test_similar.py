"""What is like a selection, a picture or words."""

import base64
import io
import json

import numpy as np
import pytest
import yaml
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from winnow.review.server import create_app
from winnow.review.session import Session
from winnow.review.similar import Lookalikes, like_rows, like_vector
from workspaces import jpeg, write_workspace

OWN = {"X-Winnow": "1"}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("similar") / "animals", images=120)


@pytest.fixture
def client(folder):
    app = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None)
    return TestClient(app, base_url="http://127.0.0.1:8642", raise_server_exceptions=False)


def cosines(client, path, **body):
    answer = client.post(f"/api/similar{path}", json=body, headers=OWN)
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, "<f4")


def refused(client, path, **body):
    answer = client.post(f"/api/similar{path}", json=body, headers=OWN)
    assert answer.status_code == 422
    return answer.json()["error"]


def test_the_mean_of_a_selection_is_what_images_are_compared_with():
    features = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], np.float32)
    np.testing.assert_allclose(like_rows(features, np.array([0])), [1, 0, 0.6, -1], atol=1e-6)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(like_rows(features, np.array([0, 1])), [half, half, 1.4 * half, -half], atol=1e-6)
    assert like_vector(features, np.zeros(2)).tolist() == [0, 0, 0, 0]


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_cosines_lie_between_minus_one_and_one_and_an_image_is_most_like_itself(seed, count):
    features = np.random.default_rng(seed).normal(size=(20, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    found = like_rows(features, np.arange(count))
    assert (np.abs(found) <= 1 + 1e-5).all()
    assert like_rows(features, np.array([3])).argmax() == 3


def test_the_server_compares_with_images_of_the_dataset(client, folder):
    features = np.load(folder / "data/interim/features.npz")["features"]
    np.testing.assert_allclose(cosines(client, "", rows=[7]), features @ features[7], atol=1e-5)
    mean = features[[3, 4, 5]].mean(axis=0)
    np.testing.assert_allclose(cosines(client, "", rows=[3, 4, 5]), features @ mean / np.linalg.norm(mean), atol=1e-5)
    assert client.post("/api/similar", json={"rows": [120]}, headers=OWN).status_code == 404
    for body in ({"rows": []}, {"rows": [-1]}, {"rows": ["1"]}):
        assert client.post("/api/similar", json=body, headers=OWN).status_code == 422


@pytest.mark.parametrize("encoder", ["trained", "plain"])
def test_a_picture_from_elsewhere_finds_its_like(folder, client, encoder):
    """With `plain`, by the dataset's own features; the fitted encoder kept no network, so colours and edges compare."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["embed"] |= {"encoder": encoder}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    session = Session(folder, reviewer="ada")
    app = create_app(session, host="127.0.0.1", port=8642, token=None)
    client = TestClient(app, base_url="http://127.0.0.1:8642", raise_server_exceptions=False)
    assert client.get("/api/dataset").json()["embeds_pictures"] == (encoder == "plain")
    if encoder == "plain":
        from winnow.data.pixels import DecodedPixels
        from winnow.encoders.registry import load_encoder

        found = load_encoder(session.dataset.params.embed.model_dump(), class_names=[])
        pixels = DecodedPixels(session.dataset.stored_images())
        features = found.embed_dataset(pixels, np.zeros(120, int)).features
        names = session.dataset.image_id.astype(str)
        np.savez(folder / "data/interim/features.npz", image_id=names, features=features)
    picture = session.dataset.image_bytes(session.dataset.image_id[5])
    large = io.BytesIO()
    Image.open(io.BytesIO(picture)).resize((300, 300)).save(large, "PNG")
    found = cosines(client, "/picture", picture=base64.b64encode(large.getvalue()).decode())
    assert found.argmax() % 40 == 5, "pictures are of 40 kinds"
    assert found[5] > 0.97


def test_what_is_no_picture_and_what_the_encoder_does_not_know_is_said_in_a_sentence(client, folder):
    assert "no base64" in refused(client, "/picture", picture="é")
    assert "no picture that can be read" in refused(client, "/picture", picture=base64.b64encode(b"hello").decode())
    torn = base64.b64encode(jpeg(np.zeros((64, 64, 3), np.uint8))[:200]).decode()
    assert "no picture that can be read" in refused(client, "/picture", picture=torn)
    assert "set embed.encoder to open_clip" in refused(client, "/words", words="a cat")
    assert not client.get("/api/dataset").json()["knows_words"]


@pytest.mark.parametrize("path", ["", "/picture", "/words"])
def test_no_other_page_can_make_the_server_compute(client, path):
    body = {"rows": [0], "picture": "eA==", "words": "x"}[{"": "rows", "/picture": "picture", "/words": "words"}[path]]
    asked = {{"": "rows", "/picture": "picture", "/words": "words"}[path]: body}
    assert client.post(f"/api/similar{path}", json=asked).status_code == 403
    assert (
        client.post(f"/api/similar{path}", json=asked, headers=OWN | {"origin": "http://evil.example"}).status_code
        == 403
    )


def test_words_find_the_image_whose_features_are_those_of_the_words(tmp_path, folder):
    """Features are the text embeddings themselves, of a tiny CLIP with random weights."""
    open_clip = pytest.importorskip("open_clip")
    import torch

    from winnow.params import load_params

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
    }
    (tmp_path / "words-tiny.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "words-tiny.json")
    torch.manual_seed(0)
    model = open_clip.create_model("words-tiny")
    torch.save(model.state_dict(), tmp_path / "tiny.pt")
    words = ["cat", "harbour", "seven"]
    with torch.inference_mode():
        tokens = open_clip.get_tokenizer("words-tiny")([f"a photo of a {word}." for word in words])
        features = torch.nn.functional.normalize(model.encode_text(tokens), dim=1).numpy()
    embed = load_params(folder / "params.yaml").embed.model_dump()
    embed["encoder"] = "open_clip"
    embed["open_clip"] |= {"model": "words-tiny", "pretrained": str(tmp_path / "tiny.pt"), "input_size": 32}
    embed["open_clip"] |= {"prompts": ["a photo of a {}."], "negatives": ["texture"]}
    finder = Lookalikes(embed, ["harbour", "dog"], lambda: None)
    for place, word in enumerate(words):
        found = finder.like_words(word, features)
        assert found.argmax() == place and found.max() == pytest.approx(1, abs=1e-5)
