"""Preprocessing and the loaders of frozen encoders, with tiny models of random weights: no network needed."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import open_clip
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from winnow.encoders import hub
from winnow.encoders.base import Encoder
from winnow.encoders.embedding import embed_images
from winnow.encoders.open_clip import load_open_clip
from winnow.encoders.preprocess import preprocess
from winnow.encoders.timm import load_timm
from winnow.errors import WinnowError

SHARED = Path(__file__).parents[2] / "shared"
CPU = torch.device("cpu")
HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TINY_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
}


@pytest.fixture
def pixels() -> np.ndarray:
    """Smooth random pictures, (12, 24, 24, 3) uint8."""
    coarse = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(image).resize((24, 24), Image.Resampling.BICUBIC)) for image in coarse])


@pytest.fixture
def no_hub(monkeypatch):
    """A hub that does not answer, wherever the tests run."""
    monkeypatch.setattr(hub, "hub_answers", lambda: False)


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory) -> Path:
    """A tiny CLIP called winnow-tiny, known to open_clip, and its checkpoint."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "winnow-tiny.json").write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(folder / "winnow-tiny.json")
    torch.manual_seed(0)
    torch.save(open_clip.create_model("winnow-tiny").state_dict(), folder / "tiny.pt")
    return folder / "tiny.pt"


def load_tiny_clip(checkpoint: Path | str, **changes) -> Encoder:
    options = {
        "model": "winnow-tiny",
        "pretrained": str(checkpoint),
        "input_size": 32,
        "mean": CLIP_MEAN,
        "std": CLIP_STD,
        "prompts": ["a photo of a {}.", "a drawing of a {}."],
        "class_names": ["cat", "guinea_pig", "7"],
        "device": CPU,
    }
    return load_open_clip(**{**options, **changes})


@pytest.fixture(scope="module")
def tiny_resnet(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("timm") / "tiny.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    return path


def load_tiny_timm(checkpoint: Path | str | None, **changes) -> Encoder:
    options = {
        "model": "test_resnet",
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "pad_type": None,
        "input_size": 32,
        "mean": HALF,
        "std": HALF,
        "device": CPU,
    }
    return load_timm(**{**options, **changes})


@pytest.mark.parametrize("input_size", [12, 24, 67])
def test_preprocess_equals_pil_resize_and_normalise(pixels, input_size):
    batch = preprocess(pixels, input_size=input_size, mean=IMAGENET_MEAN, std=IMAGENET_STD, device=CPU)
    size = (input_size, input_size)
    pil = np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in pixels])
    expected = (pil / 255 - IMAGENET_MEAN) / IMAGENET_STD
    levels = np.abs(batch.permute(0, 2, 3, 1).numpy() - expected) * IMAGENET_STD * 255
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert levels.max() < 2.01
    assert levels.mean() < 0.05


def test_open_clip_features_and_zero_shot(tiny_clip, pixels):
    encoder = load_tiny_clip(tiny_clip)
    features, zero_shot = embed_images(encoder, pixels, batch_size=5, flip=False)
    assert features.shape == (12, 16)
    assert features.dtype == zero_shot.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)
    assert zero_shot.shape == (12, 3)
    np.testing.assert_allclose(zero_shot.sum(axis=1), 1, atol=1e-5)


def test_open_clip_equals_the_library_used_by_hand(tiny_clip, pixels):
    encoder = load_tiny_clip(tiny_clip, class_names=["cat", "guinea_pig"], prompts=["a photo of a {}."])
    features, zero_shot = embed_images(encoder, pixels, batch_size=4, flip=False)
    model, _, _ = open_clip.create_model_and_transforms("winnow-tiny", pretrained=str(tiny_clip))
    model.eval()
    with torch.inference_mode():
        batch = preprocess(pixels, input_size=32, mean=CLIP_MEAN, std=CLIP_STD, device=CPU)
        image = model.encode_image(batch, normalize=True)
        tokens = open_clip.get_tokenizer("winnow-tiny")(["a photo of a cat.", "a photo of a guinea pig."])
        text = model.encode_text(tokens, normalize=True)
        expected = (model.logit_scale.exp() * image @ text.T).softmax(dim=1)
    np.testing.assert_allclose(features, image.numpy(), atol=1e-5)
    np.testing.assert_allclose(zero_shot, expected.numpy(), atol=1e-4)


def test_zero_shot_reads_the_text(tiny_clip, pixels):
    """Classes in another order give the same probabilities in that order."""
    one = load_tiny_clip(tiny_clip, class_names=["cat", "dog", "0"])
    two = load_tiny_clip(tiny_clip, class_names=["0", "cat", "dog"])
    features, probabilities = embed_images(one, pixels, batch_size=12, flip=False)
    np.testing.assert_allclose(two.zero_shot(features), probabilities[:, [2, 0, 1]], atol=1e-5)


def test_open_clip_fingerprint_follows_weights_and_preprocessing(tiny_clip, tmp_path):
    weights = torch.load(tiny_clip)
    weights["visual.proj"] = weights["visual.proj"] + 0.01
    torch.save(weights, tmp_path / "other.pt")
    one = load_tiny_clip(tiny_clip).fingerprint
    other = load_tiny_clip(tmp_path / "other.pt").fingerprint
    assert {name for name in one if one[name] != other[name]} == {"weights_sha256"}
    assert load_tiny_clip(tiny_clip, mean=HALF).fingerprint["mean"] == list(HALF)
    assert json.loads(json.dumps(dict(one))) == one


def test_other_preprocessing_than_the_models_own_is_said_once(tiny_clip, capsys):
    load_tiny_clip(tiny_clip)
    assert capsys.readouterr().err == ""
    load_tiny_clip(tiny_clip, mean=HALF, input_size=48)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "input_size is 48" in said
    assert "mean" in said
    assert "std" not in said


def test_open_clip_weights_that_cannot_be_had(no_hub, tmp_path, monkeypatch):
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WinnowError, match=r"laion2b_s34b_b79k of ViT-B-32 could not be had") as caught:
        load_tiny_clip("laion2b_s34b_b79k", model="ViT-B-32")
    message = str(caught.value)
    assert str(tmp_path) in message
    assert "laion/CLIP-ViT-B-32-laion2B-s34B-b79K" in message
    assert "embed.open_clip.pretrained" in message
    assert "\n" not in message


def test_open_clip_wrong_names_and_files(tiny_clip, tiny_resnet, tmp_path):
    with pytest.raises(WinnowError, match=r"'ViT-B32', which open_clip does not know; did you mean .*ViT-B-32"):
        load_tiny_clip(tiny_clip, model="ViT-B32")
    with pytest.raises(WinnowError, match=r"neither a file nor a tag of ViT-B-32; its tags are .*openai"):
        load_tiny_clip("laion2b", model="ViT-B-32")
    with pytest.raises(WinnowError, match=r"weights/clip\.pt do not exist .*embed\.open_clip\.pretrained"):
        load_tiny_clip("weights/clip.pt")
    with pytest.raises(WinnowError, match=r"do not fit open_clip's winnow-tiny"):
        load_tiny_clip(tiny_resnet)
    (tmp_path / "cut.pt").write_bytes(tiny_clip.read_bytes()[:5000])
    with pytest.raises(WinnowError, match=r"do not fit open_clip's winnow-tiny"):
        load_tiny_clip(tmp_path / "cut.pt")
    with pytest.raises(WinnowError, match=r"'a photo' without \{\}"):
        load_tiny_clip(tiny_clip, prompts=["a photo"])


def test_timm_features_are_those_before_the_classifier(tiny_resnet, pixels):
    encoder = load_tiny_timm(tiny_resnet)
    features, zero_shot = embed_images(encoder, pixels, batch_size=5, flip=False)
    assert zero_shot is None
    model = timm.create_model("test_resnet", pretrained=False, checkpoint_path=str(tiny_resnet)).eval()
    model.reset_classifier(0)
    with torch.inference_mode():
        expected = model(preprocess(pixels, input_size=32, mean=HALF, std=HALF, device=CPU))
    expected = expected / expected.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(features, expected.numpy(), atol=1e-5)


def test_timm_transformer_of_a_fixed_size(tmp_path, pixels):
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit_relpos", pretrained=False).state_dict(), tmp_path / "vit.safetensors")
    options = {"model": "test_vit_relpos", "checkpoint": tmp_path / "vit.safetensors"}
    features, _ = embed_images(load_tiny_timm(**options, input_size=160), pixels[:2], batch_size=2, flip=False)
    assert features.shape[0] == 2
    with pytest.raises(WinnowError, match=r"does not take images of 32 x 32 .*embed\.timm\.input_size"):
        load_tiny_timm(**options)
    with pytest.raises(WinnowError, match=r"pad_type is 'same', which test_vit_relpos does not take"):
        load_tiny_timm(**options, pad_type="same", input_size=160)


def test_timm_fingerprint_follows_weights(tiny_resnet, tmp_path):
    weights = timm.models.load_state_dict(str(tiny_resnet))
    first = next(iter(weights))
    save_file({**weights, first: weights[first] * 1.01}, tmp_path / "other.safetensors")
    one, other = load_tiny_timm(tiny_resnet).fingerprint, load_tiny_timm(tmp_path / "other.safetensors").fingerprint
    assert {name for name in one if one[name] != other[name]} == {"weights_sha256"}


def test_timm_weights_that_cannot_be_had_or_do_not_fit(no_hub, tiny_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WinnowError, match=r"timm's test_resnet could not be had: .*embed\.timm\.checkpoint") as caught:
        load_tiny_timm(None)
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(
        WinnowError, match=r"'mobilenet_v2_100', which timm does not know; did you mean mobilenetv2_100"
    ):
        load_tiny_timm(None, model="mobilenet_v2_100")
    with pytest.raises(WinnowError, match=r"gone\.safetensors do not exist"):
        load_tiny_timm("gone.safetensors")
    with pytest.raises(WinnowError, match=r"do not fit timm's test_resnet") as caught:
        load_tiny_timm(tiny_clip)
    assert "\n" not in str(caught.value)


def test_mobilenet_finds_the_animals_only_with_the_right_mean_and_std():
    weights = SHARED / "encoders/mobilenetv2_100.imagenet.safetensors"
    archive = SHARED / "data/ds801/test.zip"
    if not (weights.is_file() and archive.is_file()):
        pytest.skip("the MobileNetV2 weights or the DS801 test images are not on this machine")
    pixels, labels = _course_images(archive)
    assert len(pixels) == 500
    accuracy = {}
    for name, mean, std in (("right", HALF, HALF), ("wrong", IMAGENET_MEAN, IMAGENET_STD)):
        encoder = load_timm(
            model="mobilenetv2_100",
            checkpoint=str(weights),
            pad_type="same",
            input_size=160,
            mean=mean,
            std=std,
            device=CPU,
        )
        features, _ = embed_images(encoder, pixels, batch_size=32, flip=False)
        accuracy[name] = _leave_one_out(features, labels)
    assert accuracy["right"] >= 0.80
    assert accuracy["wrong"] < accuracy["right"] - 0.05


def _course_images(archive: Path) -> tuple[np.ndarray, np.ndarray]:
    with zipfile.ZipFile(archive) as file:
        names = file.namelist()
        labels = json.loads(file.read(next(name for name in names if name.endswith("data-labels.json"))))
        where = {Path(name).stem: name for name in names if name.endswith(".jpg")}
        images = [Image.open(io.BytesIO(file.read(where[key]))).convert("RGB") for key in sorted(labels)]
        pixels = np.stack([np.asarray(image) for image in images])
    return pixels, np.array([np.argmax(labels[key]) for key in sorted(labels)])


def _leave_one_out(features: np.ndarray, labels: np.ndarray, neighbours: int = 10) -> float:
    similarity = features @ features.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = labels[np.argsort(-similarity, axis=1)[:, :neighbours]]
    votes = (nearest[:, :, None] == np.arange(labels.max() + 1)).sum(axis=1)
    return float((votes.argmax(axis=1) == labels).mean())
