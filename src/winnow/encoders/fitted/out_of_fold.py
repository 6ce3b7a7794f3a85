"""Features of networks that learned from the noisy dataset itself, each image's from a network that did not see it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from winnow import tables
from winnow.checkpoint import fingerprint
from winnow.data.perceptual_hash import hash_groups, linked
from winnow.data.pixels import Pixels
from winnow.device import exact_arithmetic, side_by_side
from winnow.encoders.fitted.learner import FeatureNetwork, Learner
from winnow.encoders.fitted.small_images import SmallImages
from winnow.encoders.fitted.training import Training
from winnow.encoders.normalise import l2_normalised
from winnow.encoders.weights import weights_sha256
from winnow.learn.folds import stratified_group_folds
from winnow.progress import Reporter, progress

_HASH_DISTANCE = 6  # bits of 64; more would chain blurred images of one class together
_RIDGE = 0.01  # of the mean squared feature
_ALIGNED_BY = 8_192  # images, several for each of a thousand dimensions; all would cost as much again as the training


@dataclass(frozen=True)
class OutOfFold:
    """What `fit_out_of_fold` gives.

    Attributes:
        features: (N, D) float32, L2-normalised, in one space for all folds.
        pred_probs: (N, K) float32 class probabilities of the same networks.
        fold: (N,) int64; the network of fold f learned from images outside f and gave the rows of f.
        fingerprint: JSON values: the learner's and the weights' sha256.
    """

    features: np.ndarray
    pred_probs: np.ndarray
    fold: np.ndarray
    fingerprint: dict[str, Any]


def fit_out_of_fold(
    pixels: Pixels,
    labels: np.ndarray,
    learner: Learner[Any],
    *,
    learned: np.ndarray | None = None,
    copy_of: np.ndarray | None = None,
    flip: bool = False,
    scratch: Path | None = None,
) -> OutOfFold:
    """Train a network per fold and take every image's features from the network that did not see it.

    Images alike by perceptual hash share a fold. Networks start from the same weights; each later one's features are
    mapped to the first one's by ridge regression, fitted on images outside its fold. So neither the network nor the map
    that gives an image's row was fitted with the image; only the space that all rows share is the first network's.

    Args:
        pixels: (N, H, W, 3) uint8; read a batch at a time.
        labels: (N,) int in [0, K), as given, wrong ones and all; -1 for images without one, which `learned` leaves out:
            they are spread over the folds by themselves.
        learner: the networks.
        learned: (N,) bool, images that networks learn from; others are only encoded. None: all.
        copy_of: (N,) int64, the image that each is known to be a copy of, itself where it is none: both share a fold,
            even where their hashes differ. None: none is.
        flip: average features and probabilities with those of the mirrored image.
        scratch: folder for checkpoints, from which a run after a kill goes on and gives the same bytes; None writes
            none. The caller removes it.

    Returns:
        Features, out-of-fold probabilities, folds and fingerprint.

    Raises:
        WinnowError: if there are too few images for the folds, or training diverges.
    """
    small, folds, seed = learner.read(pixels), learner.settings.folds, learner.settings.seed
    groups = hash_groups(small.hashes, max_distance=_HASH_DISTANCE)
    if copy_of is not None:
        groups = linked(int(groups.max()) + 1, groups, groups[copy_of])[groups]
    strata = np.where(labels < 0, learner.num_classes, labels)
    fold = stratified_group_folds(strata, groups, folds=folds, seed=seed)
    learned = np.ones(len(fold), dtype=bool) if learned is None else learned
    folder = scratch and scratch / _key(small, np.where(learned, labels, -1), fold, learner)
    trainings = [
        Training(
            f"train the encoder, network {index + 1} of {folds}",
            np.flatnonzero((fold != index) & learned),
            index,
            folder and folder / f"network-{index}.pt",
        )
        for index in range(folds)
    ]
    networks = learner.train(small, labels, trainings, description=f"train the encoder {learner.name}")

    shared = np.zeros(len(fold), dtype=bool)
    shared[np.random.default_rng(seed).permutation(len(fold))[:_ALIGNED_BY]] = True
    features = np.empty((len(fold), networks[0].classifier.in_features), dtype=np.float32)
    pred_probs = np.empty((len(fold), learner.num_classes), dtype=np.float32)
    reference = features[:0]  # the first network's of the shared images
    with progress(f"encode by {learner.name}", folds * int(shared.sum()) + int((~shared).sum())) as report:
        for index, network in enumerate(networks):
            own = fold == index
            rows = np.flatnonzero(own | shared)
            file = folder and folder / f"encoded-{index}{'-flip' * flip}.npz"
            if file and file.exists():
                stored = tables.read_arrays(file)
                found, probs = stored["features"], stored["pred_probs"]
                report(len(rows), "encoded before")
            else:
                found, probs = predicted(network, small, learner, rows=rows, flip=flip, report=report)
                if file:
                    tables.write_arrays(file, features=found, pred_probs=probs)
            features[own], pred_probs[own] = found[own[rows]], probs[own[rows]]
            if index == 0:
                reference = found[shared[rows]]
            else:
                outside = ~own[shared]
                features[own] = features[own] @ _alignment(found[shared[rows]][outside], reference[outside])
    weights = "".join(weights_sha256(network.state_dict()) for network in networks)
    return OutOfFold(
        features=l2_normalised(features),
        pred_probs=pred_probs,
        fold=fold,
        fingerprint={
            "encoder": learner.name,
            **learner.fingerprint,
            "weights_sha256": hashlib.sha256(weights.encode()).hexdigest(),
            "mean": small.mean,
            "std": small.std,
            "flip": flip,
        },
    )


def predicted(
    network: FeatureNetwork,
    images: SmallImages,
    learner: Learner[Any],
    *,
    rows: np.ndarray,
    flip: bool,
    report: Reporter,
) -> tuple[np.ndarray, np.ndarray]:
    """(R, D) features and (R, K) pred_probs of the images in `rows`; each by one thread, on all cores."""

    @torch.inference_mode()
    def predict(part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        batch = images[part]
        with exact_arithmetic():
            features = torch.stack([network.features(view) for view in ([batch, batch.flip(3)] if flip else [batch])])
            return features.mean(dim=0), network.classifier(features).softmax(dim=2).mean(dim=0)

    parts = torch.from_numpy(rows).to(learner.device).split(learner.batch_size)
    features, pred_probs = [], []
    for found in side_by_side(predict, parts, device=learner.device):
        features.append(found[0].cpu().numpy())
        pred_probs.append(found[1].cpu().numpy())
        report(len(found[0]))
    return np.concatenate(features), np.concatenate(pred_probs)


def _alignment(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(D, D) float64 by which (S, D) features become the target's: ridge regression.

    Not centred, so that an image far from all others in one space stays so in the other.
    """
    source, target = source.astype(np.float64), target.astype(np.float64)
    gram = source.T @ source
    penalty = _RIDGE * np.trace(gram) / len(gram) + 1e-12
    mapping: np.ndarray = np.linalg.solve(gram + penalty * np.eye(len(gram)), source.T @ target)
    return mapping


def _key(images: SmallImages, labels: np.ndarray, fold: np.ndarray, learner: Learner[Any]) -> str:
    """Digest of all that decides the networks, to the last bit."""
    run_on = [learner.device.type, torch.__version__]
    decides = {**learner.fingerprint, "mean": images.mean, "std": images.std, "run on": run_on}
    return fingerprint(decides, {"images": images.stored.cpu().numpy(), "labels": np.asarray(labels), "fold": fold})
