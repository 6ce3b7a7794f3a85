"""Pictures at the resolution that they came in: what the server draws, and what it refuses."""

import hashlib
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
import yaml
from fastapi.testclient import TestClient
from PIL import Image

from winnow.review.originals import Originals
from winnow.review.server import create_app
from winnow.review.session import Session
from workspaces import write_workspace


def encoded(pixels, form="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    rotated = Image.Exif()
    rotated[0x0112], rotated[0x010E] = 6, "where and by whom"  # to be turned right; a description
    files = {
        "plain.png": encoded(pixels),
        "large.png": encoded(np.zeros((1500, 1000, 3), np.uint8)),
        "turned.jpg": encoded(pixels, "JPEG", exif=rotated),
        "page.png": b"<svg onload=alert(1)>",
    }
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return Originals(tmp_path / "some.zip", max_unpacked_bytes=1e9), files, pixels


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_pixels_are_those_of_the_file_and_nothing_else_of_it_is_sent(archive):
    originals, files, pixels = archive
    content, media_type = originals.picture("plain.png", digest(files["plain.png"]))
    assert media_type == "image/png"
    assert (np.asarray(Image.open(io.BytesIO(content))) == pixels).all()
    content, media_type = originals.picture("turned.jpg", digest(files["turned.jpg"]))
    turned = Image.open(io.BytesIO(content))
    assert turned.size == (30, 50) and not turned.getexif() and b"by whom" not in content
    content, media_type = originals.picture("large.png", digest(files["large.png"]))
    assert media_type == "image/jpeg" and Image.open(io.BytesIO(content)).size == (1000, 1500)


def test_what_is_no_picture_has_changed_or_is_not_there_is_not_sent(archive, tmp_path):
    originals, files, _ = archive
    assert originals.picture("page.png", digest(files["page.png"])) is None
    assert originals.picture("plain.png", digest(b"as it was")) is None
    assert originals.picture("../secret.png", digest(b"")) is None
    assert Originals(tmp_path / "gone.zip", max_unpacked_bytes=1e9).picture("plain.png", "") is None


def test_the_route_looks_ids_up_and_falls_back_to_the_stored_picture(tmp_path):
    folder = write_workspace(tmp_path / "animals", images=40)
    pixels = np.zeros((200, 300, 3), np.uint8)
    (folder / "data/raw/photos/imgs").mkdir(parents=True)
    (folder / "data/raw/photos/imgs/img_000000.jpg").write_bytes(encoded(pixels))
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["data"]["archive"] = "data/raw/photos"
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    ledger = pd.read_parquet(folder / "data/processed/ledger.parquet")
    ledger.loc[ledger["image_id"] == "img_000000", "bytes_sha256"] = digest(encoded(pixels))
    ledger.to_parquet(folder / "data/processed/ledger.parquet")
    app = create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token="secret")
    client = TestClient(app, base_url="http://127.0.0.1:8642", cookies={"winnow_token": "secret"})
    assert Image.open(io.BytesIO(client.get("/original/img_000000").content)).size == (300, 200)
    assert client.get("/original/img_000001").content == client.get("/image/img_000001").content
    for path in ("/original/img_999999", "/original/..%2Fparams.yaml", "/original/%2Fetc%2Fpasswd"):
        assert client.get(path).status_code == 404
    stranger = TestClient(app, base_url="http://127.0.0.1:8642")
    for path in ("/original/img_000000", "/api/proposals", "/api/truth"):
        assert stranger.get(path).status_code == 401
        cross = client.get(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert cross.status_code == 403 and cross.headers["content-security-policy"].startswith("default-src 'none'")
    assert client.get("/original/img_000000").headers["x-content-type-options"] == "nosniff"
    truth = client.get("/api/truth").json()["true_label"]
    assert truth == pd.read_csv(folder / "data/raw/truth.csv")["true_label"].tolist()


def test_a_wall_gets_smaller_pictures_of_images_at_their_own_size(tmp_path):
    folder = write_workspace(tmp_path / "animals", images=40)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["data"]["image_size"] = None
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    images = pd.read_parquet(folder / "data/interim/images.parquet")
    images.at[3, "image_bytes"] = encoded(np.zeros((500, 2000, 3), np.uint8), "JPEG")
    images.to_parquet(folder / "data/interim/images.parquet")
    dataset = Session(folder, reviewer="ada").dataset
    large, small = (dataset.image_bytes(name) for name in images["image_id"][3:5])
    assert Image.open(io.BytesIO(large)).size == (512, 128)
    assert small == images["image_bytes"][4]
    assert dataset.image_bytes("img_999999") is None
