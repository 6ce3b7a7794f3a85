"""A small detector of boxes: torchvision's Faster R-CNN on a frozen MobileNetV2, always with as many steps.

The frozen network describes every image and its mirror image once, in one map of a sixteenth of their side. What learns
are the proposals, the boxes and the classes. Its score is that of a thesis on filtering: 0.1 of the average precision
at an overlap of 0.5, and 0.9 of that from 0.5 to 0.95.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign

from winnow import tables
from winnow.data.archive import Archive
from winnow.device import best_device, exact_arithmetic, seeded, threads
from winnow.errors import WinnowError
from winnow.extraction.extract import Encode, ImagesFrom, extract
from winnow.extraction.loading import load_model
from winnow.extraction.model import Model
from winnow.extraction.taps import tap
from winnow.filtering.items import pictures
from winnow.filtering.learners.average_precision import Boxes, Precision
from winnow.filtering.learners.learner import Finished, Judged, OneByOne, passes
from winnow.progress import Reporter

SIDE, STRIDE = 512, 16
SHARES = {"map50": 0.1, "map50_95": 0.9}
"""What the score is made of."""
BACKBONE = "timm:mobilenetv2_100"
_LAYER, _CHANNELS = "blocks.4", 96
_BATCH, _PEAK, _MAPS_AT_ONCE = 4, 0.02, 8
_RESAMPLES = 100  # of the images that are asked about, for the standard error


@dataclass(frozen=True)
class Described:
    """N images as the detector takes them.

    Attributes:
        maps: (N, 2, 96, h, w) float16, of each image and its mirror image; an array or a memory map.
        boxes: N, corners in shares of the image, classes in [0, K).
    """

    maps: np.ndarray
    boxes: Sequence[Boxes]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images in pixels."""
        height, width = self.maps.shape[3:]
        return STRIDE * height, STRIDE * width

    @property
    def num_classes(self) -> int:
        return 1 + max(int(boxes.classes.max(initial=-1)) for boxes in self.boxes)

    def pixel_corners(self, place: int) -> np.ndarray:
        """(M, 4) float32, the corners of an image's boxes in pixels."""
        height, width = self.size
        return self.boxes[place].corners.astype(np.float32) * np.array([width, height] * 2, dtype=np.float32)


def load_backbone(weights: str | None) -> Model:
    """The frozen network, as `winnow.extraction.loading.load_model` loads it.

    Args:
        weights: a file; None for those that timm publishes, downloaded once; `untrained` for random ones.

    Raises:
        WinnowError: if they are missing, damaged, of another network, or cannot be downloaded.
    """
    return load_model(BACKBONE, weights=weights)


def described(
    backbone: Model,
    image_ids: Sequence[str],
    images_from: ImagesFrom,
    boxes: Sequence[Boxes],
    *,
    size: tuple[int, int],
    file: Path,
    digests: Sequence[str] = (),
) -> Described:
    """Send every image through the frozen network; a run after a kill goes on where it was.

    Args:
        backbone: of `load_backbone`.
        image_ids, images_from: of `winnow.extraction.extract.extract`.
        boxes: of each image.
        size: height and width that images are resized to, multiples of 16.
        file: for the maps, .npy: 384 bytes for each 16 x 16 pixels of an image.
        digests: of the images' bytes.
    """
    of_bytes = hashlib.sha256("".join(digests).encode()).hexdigest()
    settings = {**backbone.fingerprint, "layer": _LAYER, "size": list(size), "bytes": of_bytes}
    encode = _maps(backbone, size)
    extract(encode, image_ids, images_from, file, settings=settings, batch_size=_MAPS_AT_ONCE)
    maps = tables.map_array(file).reshape(len(image_ids), 2, _CHANNELS, size[0] // STRIDE, size[1] // STRIDE)
    return Described(maps, boxes)


def boxes_of(image_ids: Sequence[str], boxes: pd.DataFrame, class_names: Sequence[str]) -> list[Boxes]:
    """The boxes of each image.

    Args:
        image_ids: N.
        boxes: as `winnow.filtering.items.item_tables` gives them.
        class_names: of the classes 0, 1 and so on; boxes of others are left out.
    """
    known = boxes[boxes["class_name"].isin(class_names)]
    number = {name: place for place, name in enumerate(class_names)}
    found = dict(list(known.groupby("image_id", sort=False)))
    none = known.iloc[:0]
    return [
        Boxes(
            part[["x0", "y0", "x1", "y1"]].to_numpy(dtype=np.float64),
            part["class_name"].map(number).to_numpy(dtype=np.int64),
        )
        for part in (found.get(image_id, none) for image_id in image_ids)
    ]


def detector_of_items(
    archive: Archive,
    items: pd.DataFrame,
    boxes: pd.DataFrame,
    *,
    weights: str | None,
    side: int,
    steps: int,
    scratch: Path,
) -> OneByOne:
    """The detector of a dataset.

    Args:
        archive: that holds the images.
        items, boxes: of N images, as `winnow.filtering.items.item_tables` gives them; boxes of classes that no filtered
            image shows are left out.
        weights: of `load_backbone`.
        side: of the square that the images are resized to, a multiple of 16.
        steps: of each training.
        scratch: a folder for the maps and for what is trained.
    """
    ids = items["image_id"].tolist()
    backbone = load_backbone(weights)
    learned = boxes["image_id"].isin(items.loc[items["is_filtered"], "image_id"])
    images = described(
        backbone,
        ids,
        lambda start: pictures(archive, ids[start:], scratch=scratch),
        boxes_of(ids, boxes, sorted(set(boxes.loc[learned, "class_name"]))),
        size=(side, side),
        file=scratch / "maps.npy",
        digests=items["bytes_sha256"].tolist(),
    )
    settings = {**backbone.fingerprint, "side": side, "images": items["bytes_sha256"].tolist()}
    return detector_learner(images, steps=steps, file=scratch / "trained.json", settings=settings)


def detector_learner(images: Described, *, steps: int, file: Path, settings: dict[str, Any]) -> OneByOne:
    """The detector as what learns in a comparison.

    Args:
        images: N.
        steps: of each training.
        file: for what is trained, JSON.
        settings: JSON values that decide the maps.
    """

    def train(kept: np.ndarray, asked: np.ndarray, seed: int, report: Reporter) -> Judged:
        return judged(trained(images, kept, steps=steps, seed=seed, report=report), images, asked)

    arrays = {"corners": np.concatenate([boxes.corners for boxes in images.boxes])}
    arrays["classes"] = np.concatenate([boxes.classes for boxes in images.boxes])
    arrays["counts"] = np.array([len(boxes.classes) for boxes in images.boxes])
    settings = {**settings, "learner": "detector", "steps": steps, "batch": _BATCH, "peak": _PEAK}
    settings |= {"torch": torch.__version__, "torchvision": torchvision.__version__, "device": best_device().type}
    return OneByOne("detector", train, Finished(file, settings, arrays))


def trained(images: Described, kept: np.ndarray, *, steps: int, seed: int, report: Reporter) -> FasterRCNN:
    """A detector of the images at (M,) int64 `kept`, half of them mirrored, by one cycle of the learning rate.

    Args:
        images: N.
        kept: places, at least one.
        steps: of 4 images each.
        seed: of the first weights, the order of the images and which of them are mirrored.
        report: called with 1 and the loss after each step.

    Returns:
        It after its last step, in evaluation mode. The same arguments give the same bits on the same machine's CPU.

    Raises:
        WinnowError: if the loss stops being finite.
    """
    device, rng = best_device(), np.random.default_rng(seed)
    with seeded(seed, device), threads(1), exact_arithmetic():
        network = _detector(images.num_classes).to(device).train()
        optimizer = torch.optim.SGD(network.parameters(), lr=_PEAK, momentum=0.9, weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _PEAK, total_steps=steps)
        for step, batch in enumerate(passes(len(kept), steps=steps, batch_size=_BATCH, seed=seed)):
            mirrored = rng.integers(2, size=len(batch))
            chosen = zip(kept[batch], mirrored, strict=True)
            targets = [_target(images, place, bool(side), device) for place, side in chosen]
            _, loss = _heads(network, images.maps[kept[batch], mirrored], images.size, targets)
            if not torch.isfinite(loss):
                remedy = "look at the boxes of the images that were kept"
                raise WinnowError(f"train: the loss is not finite after step {step + 1}; {remedy}.")
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            report(1, f"step {step + 1}/{steps}, loss {loss.item():.3f}")
    return network.eval()


def judged(network: FasterRCNN, images: Described, asked: np.ndarray) -> Judged:
    """The score on the images at (L,) int64 `asked`; its standard error is that of 100 draws of these images."""
    found = []
    scale = np.array([*images.size[::-1]] * 2)
    with torch.inference_mode(), threads(1), exact_arithmetic():
        for place in asked:
            (own,), _ = _heads(network, images.maps[[place], 0], images.size, None)
            numbers = {name: own[name].cpu().numpy() for name in ("boxes", "scores", "labels")}
            found.append(Boxes(numbers["boxes"] / scale, numbers["labels"] - 1, numbers["scores"]))
    precision = Precision([images.boxes[place] for place in asked], found)
    parts = _parts(precision.by_overlap())
    rng = np.random.default_rng(0)
    drawn = (np.bincount(rng.integers(len(asked), size=len(asked)), minlength=len(asked)) for _ in range(_RESAMPLES))
    error = np.nanstd([_score(_parts(precision.by_overlap(times))) for times in drawn], ddof=1)
    return Judged(_score(parts), len(asked), float(error), parts)


def _parts(by_overlap: np.ndarray) -> dict[str, float]:
    return {"map50": float(by_overlap[0]), "map50_95": float(by_overlap.mean())}


def _score(parts: dict[str, float]) -> float:
    return sum(share * parts[name] for name, share in SHARES.items())


def _maps(backbone: Model, size: tuple[int, int]) -> Encode:
    """From images to (B, 2 * 96 * h * w) float32."""
    device = best_device()
    network = backbone.network.to(device)
    mean, std = (torch.tensor(backbone.fingerprint[name])[:, None, None] for name in ("mean", "std"))

    def encode(images: list[Image.Image]) -> np.ndarray:
        pixels = [np.array(image.resize(size[::-1], Image.Resampling.BICUBIC)) for image in images]
        batch = (torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255 - mean) / std
        with tap(network, _LAYER) as calls, exact_arithmetic():
            for side in (batch, batch.flip(-1)):
                network(side.to(device))
        both = torch.stack(calls, dim=1).cpu().numpy()
        return np.asarray(both.reshape(len(images), -1))

    return encode


def _detector(classes: int) -> FasterRCNN:
    """Faster R-CNN without its body, whose maps are at hand."""
    body = nn.Identity()
    body.out_channels = _CHANNELS  # type: ignore[assignment]
    return FasterRCNN(
        body,
        rpn_anchor_generator=AnchorGenerator(((32, 64, 128, 256),), ((0.5, 1.0, 2.0),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(_CHANNELS * 49, 256),
        box_predictor=FastRCNNPredictor(256, classes + 1),  # 0 is the background
        rpn_pre_nms_top_n_train=1000,
        rpn_post_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=500,
        rpn_post_nms_top_n_test=300,
        box_batch_size_per_image=256,
    )


def _heads(
    network: FasterRCNN, maps: np.ndarray, size: tuple[int, int], targets: list[dict[str, Tensor]] | None
) -> tuple[list[dict[str, Tensor]], Tensor]:
    """Detections (in evaluation) and the sum of the losses (in training) of (B, 96, h, w) maps."""
    device = next(network.parameters()).device
    features = {"0": torch.from_numpy(maps.astype(np.float32)).to(device)}
    pictures = ImageList(torch.empty(len(maps), 3, *size, device=device), [size] * len(maps))
    proposals, first = network.rpn(pictures, features, targets)
    detections, second = network.roi_heads(features, proposals, pictures.image_sizes, targets)
    losses = [*first.values(), *second.values()]
    return detections, torch.stack(losses).sum() if targets else torch.zeros(())


def _target(images: Described, place: int, mirrored: bool, device: torch.device) -> dict[str, Tensor]:
    corners = images.pixel_corners(place)
    if mirrored:
        corners[:, [0, 2]] = images.size[1] - corners[:, [2, 0]]
    labels = torch.from_numpy(images.boxes[place].classes + 1)
    return {"boxes": torch.from_numpy(corners).to(device), "labels": labels.to(device)}
