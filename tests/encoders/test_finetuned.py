"""The encoder that trains a pretrained network on, with a tiny one of random weights: no network needed."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from digit_scans import digit_scans
from winnow.encoders.backbone import Backbone
from winnow.encoders.fitted import out_of_fold, training
from winnow.encoders.fitted.encoder import FittedEncoder
from winnow.encoders.fitted.finetuning import FinetunedNetwork, FinetunedNetworks, FinetunedSettings
from winnow.encoders.fitted.out_of_fold import fit_out_of_fold
from winnow.encoders.fitted.training import Training
from winnow.encoders.frozen.timm import load_backbone
from winnow.encoders.registry import check_encoder, load_encoder
from winnow.errors import WinnowError

CPU = torch.device("cpu")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
SETTINGS = FinetunedSettings(
    folds=2,
    epochs=2,
    input_size=32,
    learning_rate=0.003,
    label_smoothing=0.1,
    shift=0.0,
    mirror=False,
    zoom=0.0,
    color=0.0,
    seed=0,
    frozen_share=0.5,
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Random weights from a fixed seed: a network that knows nothing yet, but is the same in every test."""
    path = tmp_path_factory.mktemp("timm") / "tiny.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    return str(path)


@pytest.fixture(scope="module")
def backbone(checkpoint) -> Backbone:
    return load_backbone(model="test_resnet", checkpoint=checkpoint, pad_type=None, input_size=32, **IMAGENET)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    return digit_scans(120)


def learner(backbone, **changes) -> FinetunedNetworks:
    return FinetunedNetworks(replace(SETTINGS, **changes), 10, CPU, backbone)


def test_a_backbone_gives_the_features_before_the_classifier(backbone, checkpoint):
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    model = timm.create_model("test_resnet", pretrained=False, checkpoint_path=checkpoint).eval()
    with torch.inference_mode():
        found, expected = backbone.network(images), model(images)
        torch.testing.assert_close(model.get_classifier()(found), expected)
    assert found.shape == (3, backbone.dimensions)


def test_layers_come_in_order_and_hold_every_parameter_but_the_classifiers(backbone):
    names = [name for layer in backbone.layers for name in layer]
    of_network = [name for name, _ in backbone.network.named_parameters()]
    assert len(names) == len(set(names))
    assert set(of_network) - set(names) == {"network.fc.weight", "network.fc.bias"}
    assert "network.conv1.0.weight" in backbone.layers[0]
    assert any("layer4" in name for name in backbone.layers[-1])


@pytest.mark.parametrize(("share", "frozen"), [(0.0, 0), (0.5, 2), (1.0, 5)])
def test_the_first_layers_keep_their_weights_and_the_others_learn(backbone, digits, share, frozen):
    assert len(backbone.layers) == 5
    before = {name: value.clone() for name, value in backbone.network.state_dict().items()}
    ways = learner(backbone, frozen_share=share)
    (network,) = ways.train(ways.read(digits[0]), digits[1], [Training("all", np.arange(120))], description="train")
    after = network.backbone.state_dict()
    for number, layer in enumerate(backbone.layers):
        for name in layer:
            assert torch.equal(before[name], after[name]) == (number < frozen), name
    for name in before:
        if "running" in name or "num_batches" in name:
            assert torch.equal(before[name], after[name]), name  # batch norm stays in evaluation mode
    assert all(torch.equal(value, before[name]) for name, value in backbone.network.state_dict().items())


def test_features_are_normalised_and_the_same_on_any_number_of_cores(backbone, digits, monkeypatch):
    found = []
    for cores in (1, 2):
        monkeypatch.setattr(training, "cores", lambda cores=cores: cores)
        found.append(fit_out_of_fold(*digits, learner(backbone), flip=True))
    one, two = found
    assert one.features.shape == (120, backbone.dimensions) and one.features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(one.features, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(one.pred_probs.sum(axis=1), 1, atol=1e-5)
    assert one.features.tobytes() == two.features.tobytes()
    assert one.fingerprint == two.fingerprint
    assert one.fingerprint["backbone"]["model"] == "test_resnet" and one.fingerprint["mean"] == list(IMAGENET["mean"])


def test_no_row_depends_on_labels_of_its_own_fold(backbone, digits, monkeypatch):
    pixels, labels = digits
    fold = np.arange(120) % 2
    monkeypatch.setattr(out_of_fold, "stratified_group_folds", lambda *_, **__: fold)
    before = fit_out_of_fold(pixels, labels, learner(backbone)).pred_probs
    after = fit_out_of_fold(pixels, np.where(fold == 1, (labels + 1) % 10, labels), learner(backbone)).pred_probs
    assert after[fold == 1].tobytes() == before[fold == 1].tobytes()
    assert after[fold == 0].tobytes() != before[fold == 0].tobytes()


def test_images_that_are_not_learned_are_encoded_by_networks_that_saw_no_label_of_theirs(backbone, digits, tmp_path):
    pixels, labels = digits
    learned, fold = np.arange(120) % 3 > 0, np.arange(120) % 2

    def found(labels, learned, scratch=None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(out_of_fold, "stratified_group_folds", lambda *_, **__: fold)
            return fit_out_of_fold(pixels, labels, learner(backbone), learned=learned, scratch=scratch)

    before = found(labels, learned)
    others = found(np.where(learned, labels, (labels + 1) % 10), learned)
    assert others.pred_probs.tobytes() == before.pred_probs.tobytes()
    assert (np.linalg.norm(before.features, axis=1) > 0.99).all()
    assert found(labels, None).pred_probs.tobytes() != before.pred_probs.tobytes()
    for mask in (learned, ~learned):
        found(labels, mask, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # another mask goes on from nothing of this one's


def test_a_killed_run_ends_with_the_same_bytes(backbone, digits, tmp_path, monkeypatch):
    whole = fit_out_of_fold(*digits, learner(backbone))
    forward, calls = FinetunedNetwork.forward, []

    def killed(self, images):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return forward(self, images)

    monkeypatch.setattr(training, "cores", lambda: 1)
    monkeypatch.setattr(FinetunedNetwork, "forward", killed)
    with pytest.raises(KeyboardInterrupt):
        fit_out_of_fold(*digits, learner(backbone), scratch=tmp_path)
    resumed = fit_out_of_fold(*digits, learner(backbone), scratch=tmp_path)
    assert resumed.features.tobytes() == whole.features.tobytes()
    assert len(calls) == 5  # 2 networks, 2 epochs of a step each: all but the last were done
    monkeypatch.setattr(FinetunedNetwork, "features", None)  # what was trained and encoded is not computed again
    third = fit_out_of_fold(*digits, learner(backbone), scratch=tmp_path)
    assert third.features.tobytes() == whole.features.tobytes()


def test_it_learns_what_its_backbone_does_not_know(backbone):
    pixels, labels = digit_scans(500)
    untouched = fit_out_of_fold(pixels, labels, learner(backbone, learning_rate=1e-12, epochs=1))
    learned = fit_out_of_fold(pixels, labels, learner(backbone, epochs=20, frozen_share=0.0))
    assert (untouched.pred_probs.argmax(axis=1) == labels).mean() < 0.3
    assert (learned.pred_probs.argmax(axis=1) == labels).mean() > 0.7


def section(checkpoint, **changes) -> dict:
    timm_section = {"weight_candidates": [1.0], "model": "test_resnet", "checkpoint": checkpoint, "pad_type": None}
    timm_section |= {"input_size": 32, "more_input_sizes": [], **{key: list(value) for key, value in IMAGENET.items()}}
    finetuned = {"weight_candidates": [0.5], **vars(SETTINGS)}
    both = {"timm": timm_section | changes.pop("timm", {}), "finetuned": finetuned | changes}
    return {"encoder": ["timm", "finetuned"], "batch_size": 8, "flip": False, **both}


def test_beside_the_frozen_one_it_adds_its_features(checkpoint, backbone, digits):
    embed = section(checkpoint)
    names = [str(number) for number in range(10)]
    encoder = load_encoder(embed, class_names=names, device=CPU)
    assert encoder.name == "timm + finetuned" and encoder.is_fitted
    features = encoder.embed_dataset(*digits).features
    assert features.shape == (120, 2 * backbone.dimensions)
    alone = load_encoder({**embed, "encoder": "finetuned"}, class_names=names, device=CPU)
    assert isinstance(alone, FittedEncoder)
    pred_probs = alone.classify_new(
        digits[0][:7], pixels=digits[0], labels=digits[1], embedding=alone.embed_dataset(*digits), l2=0.1
    )
    assert pred_probs.shape == (7, 10)
    np.testing.assert_allclose(pred_probs.sum(axis=1), 1, atol=1e-5)


def test_what_is_wrong_is_said_in_a_sentence(checkpoint):
    with pytest.raises(WinnowError, match=r"embed\.encoder is finetuned, which learns from labels"):
        load_encoder({**section(checkpoint), "encoder": "finetuned"}, class_names=[], device=CPU)
    unknown = {**section(checkpoint, timm={"model": "tset_resnet"}), "encoder": "finetuned"}
    with pytest.raises(WinnowError, match="did you mean test_resnet"):
        check_encoder(unknown)
    path = checkpoint.replace("tiny", "none")
    with pytest.raises(WinnowError, match=r"embed\.timm\.checkpoint"):
        load_encoder({**section(checkpoint, timm={"checkpoint": path}), "encoder": "finetuned"}, class_names=["a"])
    with pytest.raises(WinnowError, match=r"lower embed\.finetuned\.learning_rate"):
        scans = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
        wild = load_encoder(
            {**section(checkpoint, learning_rate=1e30), "encoder": "finetuned"}, class_names=["a", "b"], device=CPU
        )
        wild.embed_dataset(scans, np.arange(64) % 2)
