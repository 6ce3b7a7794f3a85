"""Features of small networks trained on the noisy dataset itself, out of fold: needs no download.

Measured on the built-in sample (1,270 images, 36 % of labels wrong, 12 % photographs; 4 folds, width 16, 16 epochs,
learning rate 0.1; means of seeds 0 to 2; 25 s on one core). Leave-one-out 10-NN on true labels: features of the
folds' own networks 0.967, mapped to the first network's space 0.980, all of that one network 0.984. AUROC of the cosine
distance to the 50th neighbour, photographs against digits: 0.989; of centred features only 0.68, since photographs and
digits differ in the channels' level.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from winnow.checkpoint import fingerprint
from winnow.data.perceptual_hash import hash_groups
from winnow.data.pixels import Pixels
from winnow.device import exact_arithmetic, threads
from winnow.encoders.base import Embedding
from winnow.encoders.fitted.networks import TrainedSettings, Training, train_networks
from winnow.encoders.fitted.small_images import read_small_images
from winnow.encoders.normalise import l2_normalised
from winnow.encoders.weights import weights_sha256
from winnow.learn.folds import stratified_group_folds
from winnow.models.small_resnet import SmallResNet

_PREDICT_BATCH = 256
_HASH_DISTANCE = 6  # bits of 64; more would chain blurred images of one class together
_RIDGE = 0.01  # of the mean squared feature


@dataclass(frozen=True)
class TrainedEncoder:
    """The `Encoder` that needs no weights; see `winnow.encoders.base` for the methods.

    Its networks are not kept: a dataset that changed is embedded anew, as if it had come so.

    Attributes:
        settings: how its networks are trained.
        num_classes: K.
        flip: whether features are averaged with those of the mirrored image.
        device: where the networks are trained.
    """

    settings: TrainedSettings
    num_classes: int
    flip: bool
    device: torch.device
    name: ClassVar[str] = "trained"
    is_fitted: ClassVar[bool] = True

    def embed_dataset(self, pixels: Pixels, labels: np.ndarray, *, scratch: Path | None = None) -> Embedding:
        fitted = fit_trained_encoder(
            pixels,
            labels,
            self.settings,
            num_classes=self.num_classes,
            device=self.device,
            flip=self.flip,
            scratch=scratch,
        )
        return Embedding(fitted.features, fitted.fingerprint)

    def embed_extended(
        self, pixels: Pixels, labels: np.ndarray, before: Embedding, *, scratch: Path | None = None
    ) -> Embedding:
        return self.embed_dataset(pixels, labels, scratch=scratch)

    def classify_new(
        self, new_pixels: Pixels, *, pixels: Pixels, labels: np.ndarray, embedding: Embedding, l2: float
    ) -> np.ndarray:
        """By one network, trained on all of the dataset's images."""
        small = read_small_images(pixels, input_size=self.settings.input_size, device=self.device)
        (network,) = train_networks(
            small.images,
            labels,
            [Training("train on the whole dataset", np.arange(len(labels)))],
            self.settings,
            num_classes=self.num_classes,
            description="train on the whole dataset",
        )
        return _predict(network, small.like(new_pixels), flip=self.flip)[1]


@dataclass(frozen=True)
class TrainedFeatures:
    """What `fit_trained_encoder` gives.

    Attributes:
        features: (N, 4 * width) float32, L2-normalised, in one space for all folds.
        pred_probs: (N, K) float32 class probabilities of the same networks.
        fold: (N,) int64; the network of fold f trained on all images outside f and gave the rows of f.
        fingerprint: JSON values: settings and the weights' sha256.
    """

    features: np.ndarray
    pred_probs: np.ndarray
    fold: np.ndarray
    fingerprint: dict[str, Any]


def fit_trained_encoder(
    pixels: Pixels,
    labels: np.ndarray,
    settings: TrainedSettings,
    *,
    num_classes: int,
    device: torch.device,
    flip: bool = False,
    scratch: Path | None = None,
) -> TrainedFeatures:
    """Train one small network per fold and take every image's features from the network that did not see it.

    Images alike by perceptual hash share a fold. Networks start from the same weights; each later one's features are
    mapped to the first one's by ridge regression, fitted on images outside its fold. So neither the network nor the map
    that gives an image's row was fitted with the image; only the space that all rows share is the first network's.

    Args:
        pixels: (N, H, W, 3) uint8, H and W at least 12; read a batch at a time.
        labels: (N,) int in [0, num_classes), as given, wrong ones and all.
        settings: how to train.
        num_classes: K.
        device: where to train.
        flip: average features and probabilities with those of the mirrored image.
        scratch: folder for checkpoints, from which a run after a kill goes on and gives the same bytes; None writes
            none. The caller removes it.

    Returns:
        Features, out-of-fold probabilities, folds and fingerprint.

    Raises:
        WinnowError: if there are too few images for the folds, or training diverges.
    """
    small = read_small_images(pixels, input_size=settings.input_size, device=device)
    groups = hash_groups(small.hashes, max_distance=_HASH_DISTANCE)
    fold = stratified_group_folds(labels, groups, folds=settings.folds, seed=settings.seed)
    folder = scratch and scratch / _key(small.images, labels, fold, settings, num_classes)

    trainings = [
        Training(
            f"train the encoder, network {index + 1} of {settings.folds}",
            np.flatnonzero(fold != index),
            index,
            folder and folder / f"network-{index}.pt",
        )
        for index in range(settings.folds)
    ]
    networks = train_networks(
        small.images, labels, trainings, settings, num_classes=num_classes, description="train the encoder"
    )
    features: list[np.ndarray] = []
    pred_probs: list[np.ndarray] = []
    for index, network in enumerate(networks):
        own, own_probs = _predict(network, small.images, flip=flip)
        features.append(_align(own, features[0], fold != index) if index else own)
        pred_probs.append(own_probs)
    weights = "".join(map(weights_sha256, networks))

    rows = np.arange(len(fold))
    return TrainedFeatures(
        features=l2_normalised(np.stack(features)[fold, rows]),
        pred_probs=np.stack(pred_probs)[fold, rows],
        fold=fold,
        fingerprint={
            "encoder": "trained",
            **asdict(settings),
            "n_classes": num_classes,
            "weights_sha256": hashlib.sha256(weights.encode()).hexdigest(),
            "mean": small.mean,
            "std": small.std,
            "flip": flip,
        },
    )


@torch.inference_mode()
def _predict(network: SmallResNet, images: torch.Tensor, *, flip: bool) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) features and (N, K) pred_probs of all images."""
    views = [images, images.flip(3)] if flip else [images]
    with exact_arithmetic(), threads(1):
        features = torch.stack(
            [torch.cat([network.features(batch) for batch in view.split(_PREDICT_BATCH)]) for view in views]
        )  # (V, N, D)
        pred_probs = network.classifier(features).softmax(dim=2).mean(dim=0)
    return features.mean(dim=0).cpu().numpy(), pred_probs.cpu().numpy()


def _align(features: np.ndarray, reference: np.ndarray, fitted_on: np.ndarray) -> np.ndarray:
    """Map (N, D) features linearly to the space of `reference`: ridge regression on the rows in `fitted_on`.

    Not centred, so that an image far from all others in one space stays so in the other.
    """
    source, target = features[fitted_on].astype(np.float64), reference[fitted_on].astype(np.float64)
    gram = source.T @ source
    penalty = _RIDGE * np.trace(gram) / len(gram) + 1e-12
    return features @ np.linalg.solve(gram + penalty * np.eye(len(gram)), source.T @ target)


def _key(
    images: torch.Tensor, labels: np.ndarray, fold: np.ndarray, settings: TrainedSettings, num_classes: int
) -> str:
    """Digest of all that decides the networks, to the last bit."""
    decides = {**asdict(settings), "num_classes": num_classes, "run on": [images.device.type, torch.__version__]}
    return fingerprint(decides, {"images": images.cpu().numpy(), "labels": np.asarray(labels), "fold": fold})
