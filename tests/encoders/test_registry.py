"""Encoders behind one interface: what frozen ones and ones fitted on the data do with a dataset and with new images."""

import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from tiny_project import encoded
from winnow.data.pixels import DecodedPixels
from winnow.encoders.base import Embedding, Encoder
from winnow.encoders.columns import outlier_features, split_columns
from winnow.encoders.registry import ENCODERS, check_encoder, is_fitted, load_encoder, load_frozen
from winnow.errors import WinnowError
from winnow.params import load_params
from winnow.params.encoders import Embed, Name

CPU = torch.device("cpu")
NAMES = ["goldfish", "wolf", "coyote"]
VARIANTS = {
    "trained-16": {"input_size": 16, "weight_candidates": [0.3]},
    "timm-small": {"input_size": 24},
    "finetuned-short": {"epochs": 1},
    "trained-wild": {"learning_rate": 1e30},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("timm") / "tiny.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """90 noisy pictures of three colours, (90, 24, 24, 3) uint8, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    pixels = rng.integers(0, 120, (90, 24, 24, 3))
    pixels[np.arange(90), :, :, labels] += 100
    return pixels.astype(np.uint8), labels


def encoder(root: Path, weights: Path, name: str | list[str]) -> Encoder:
    """An encoder of params.yaml's options, made small; of several names, all side by side."""
    embed = load_params(root / "params.yaml").embed.model_dump() | {"encoder": name, "batch_size": 8}
    preprocessing = {"input_size": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    embed["timm"] |= {"model": "test_resnet", "checkpoint": str(weights), **preprocessing}
    embed["trained"] |= {"folds": 2, "epochs": 8, "width": 4, "input_size": 12}
    embed["finetuned"] |= {"folds": 2, "epochs": 8, "learning_rate": 0.01, "input_size": 32, "frozen_share": 0.0}
    embed["variants"] = VARIANTS
    return load_encoder(embed, class_names=NAMES, device=CPU)


SEVERAL = [["timm", "trained"], ["timm", "finetuned"], ["timm", "trained", "trained-16"]]


@pytest.fixture(params=["timm", "trained", "finetuned", "trained-16", *SEVERAL], ids=str)
def any_encoder(request, root, weights) -> Encoder:
    return encoder(root, weights, request.param)


def test_every_encoder_of_the_params_has_an_entry_and_every_entry_its_section():
    assert set(ENCODERS) == set(typing.get_args(Name)) <= set(Embed.model_fields)


def test_the_registry_is_read_without_any_library():
    program = (
        "import sys\nfrom winnow.encoders.registry import ENCODERS\n"
        "assert not {'torch', 'timm', 'open_clip', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_embedding_is_read_back_from_its_arrays(any_encoder, data):
    pixels, labels = data
    embedding = any_encoder.embed_dataset(pixels, labels)
    assert embedding.features.shape[0] == 90 and embedding.features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedding.features, axis=1), 1, atol=1e-6)
    names = embedding.fingerprint["encoder"]
    assert any_encoder.name == (names if isinstance(names, str) else " + ".join(names))
    assert embedding.metrics["images"] == 90 and embedding.metrics["dimensions"] == embedding.features.shape[1]
    again = Embedding.from_arrays(embedding.arrays())
    np.testing.assert_array_equal(again.features, embedding.features)
    assert again.fingerprint == embedding.fingerprint
    assert (again.zero_shot is None) == (any_encoder.name in ("trained", "finetuned", "trained-16"))


def test_images_that_are_decoded_when_asked_for_give_the_same_bytes(any_encoder, data):
    pixels, labels = data
    stored = np.empty(len(pixels), dtype=object)
    stored[:] = [encoded(image) for image in pixels]
    lazy = DecodedPixels(stored)
    whole = any_encoder.embed_dataset(lazy[:], labels)
    assert any_encoder.embed_dataset(lazy, labels).features.tobytes() == whole.features.tobytes()


def test_a_frozen_encoder_embeds_new_images_alone_and_ignores_labels(root, weights, data):
    pixels, labels = data
    frozen = encoder(root, weights, "timm")
    before = frozen.embed_dataset(pixels[:80], labels[:80])
    assert not frozen.is_fitted and before.zero_shot.pred_probs.shape == (80, 3)
    marked = Embedding(before.features + 7, before.fingerprint, before.zero_shot)
    extended = frozen.embed_extended(pixels, labels[::-1], marked)
    np.testing.assert_array_equal(extended.features[:80], marked.features)
    whole = frozen.embed_dataset(pixels, labels)
    np.testing.assert_allclose(extended.features[80:], whole.features[80:], atol=1e-5)
    np.testing.assert_allclose(extended.zero_shot.pred_probs, whole.zero_shot.pred_probs, atol=1e-5)
    np.testing.assert_allclose(extended.zero_shot.in_class_probability, whole.zero_shot.in_class_probability, atol=1e-6)
    assert frozen.embed_extended(pixels[:80], labels[:80], before) is before


@pytest.mark.parametrize("name", [*(name for name, entry in ENCODERS.items() if entry.is_fitted), "trained-16"])
def test_a_fitted_encoder_is_trained_again_on_the_extended_dataset(name, root, weights, data):
    pixels, labels = data
    fitted = encoder(root, weights, name)
    before = fitted.embed_dataset(pixels[:80], labels[:80])
    extended = fitted.embed_extended(pixels, labels, before)
    assert fitted.is_fitted and before.zero_shot is None
    assert extended.features.tobytes() == fitted.embed_dataset(pixels, labels).features.tobytes()
    assert extended.fingerprint["weights_sha256"] != before.fingerprint["weights_sha256"]


def test_new_images_are_classified_by_what_the_dataset_teaches(any_encoder, data):
    pixels, labels = data
    embedding = any_encoder.embed_dataset(pixels[:60], labels[:60])
    pred_probs = any_encoder.classify_new(
        pixels[60:], pixels=pixels[:60], labels=labels[:60], embedding=embedding, l2=0.01
    )
    assert pred_probs.shape == (30, 3) and pred_probs.dtype == np.float32
    np.testing.assert_allclose(pred_probs.sum(axis=1), 1, atol=1e-5)
    assert (pred_probs.argmax(axis=1) == labels[60:]).mean() > 0.8
    swapped = any_encoder.classify_new(
        pixels[60:], pixels=pixels[:60], labels=(labels[:60] + 1) % 3, embedding=embedding, l2=0.01
    )
    assert (swapped.argmax(axis=1) == (labels[60:] + 1) % 3).mean() > 0.8


def test_a_variant_is_its_kind_with_other_options(root, weights, data, tmp_path):
    pixels, labels = data
    both = encoder(root, weights, ["trained", "trained-16"])
    found = both.embed_dataset(pixels, labels, scratch=tmp_path)
    assert both.name == "trained + trained-16" and both.is_fitted
    assert found.metrics["weights"] == {"trained": 0.5, "trained-16": 0.3}
    own = [found.fingerprint[name] for name in ("trained", "trained-16")]
    differing = {key for key in own[0] if own[0][key] != own[1][key]}
    assert differing == {"encoder", "input_size", "weight", "weights_sha256"} and own[1]["input_size"] == 16
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trained", "trained-16"]
    for name, part in zip(("trained", "trained-16"), split_columns(found.features, [16, 16]), strict=True):
        alone = encoder(root, weights, name).embed_dataset(pixels, labels)
        assert alone.fingerprint["encoder"] == name
        np.testing.assert_allclose(part, alone.features, atol=1e-6)
    resumed = encoder(root, weights, ["trained", "trained-16"]).embed_dataset(pixels, labels, scratch=tmp_path)
    assert resumed.features.tobytes() == found.features.tobytes()


def test_a_variant_counts_as_its_kind_wherever_that_is_asked(root, weights, data):
    assert is_fitted("trained-16") and is_fitted("finetuned-short") and not is_fitted("timm-small")
    pixels, labels = data
    found = encoder(root, weights, ["timm-small", "trained", "finetuned-short"]).embed_dataset(pixels, labels)
    first, _, third = (found.fingerprint[name]["dimensions"] for name in found.fingerprint["encoder"])
    assert outlier_features(found.arrays()).shape[1] == first + third
    embed = load_params(root / "params.yaml").embed.model_dump() | {"variants": {"plain-8": {"input_size": 8}}}
    frozen = load_frozen(embed | {"encoder": ["trained", "plain-8"]}, class_names=NAMES)
    assert frozen.name == "plain-8" and not frozen.is_fitted


def test_what_is_wrong_with_a_variant_is_told_by_its_name(root, weights, data):
    embed = load_params(root / "params.yaml").embed.model_dump() | {"variants": {"timm-x": {"model": "tset_resnet"}}}
    with pytest.raises(WinnowError, match=r"^embed\.variants\.timm-x: .*did you mean test_resnet"):
        check_encoder(embed | {"encoder": ["trained", "timm-x"]})
    with pytest.raises(WinnowError, match=r"lower embed\.variants\.trained-wild\.learning_rate"):
        encoder(root, weights, "trained-wild").embed_dataset(*data)
