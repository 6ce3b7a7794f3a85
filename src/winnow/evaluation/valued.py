"""A dataset's images by what they do to a network that is trained on them, with images that people trust as judges."""

from pathlib import Path

import numpy as np
import pandas as pd

from winnow.data.pixels import Pixels
from winnow.detect.duplicates.leaks import find_leaks
from winnow.detect.valuation.everyone import for_all_images
from winnow.detect.valuation.options import options_of
from winnow.detect.valuation.reference import choose_reference, of_other_groups
from winnow.detect.valuation.values import value_images
from winnow.device import best_device
from winnow.errors import require_labels
from winnow.evaluation.held_out import HeldOut, read_test_sets
from winnow.params.dataset import Data
from winnow.params.valuation import Valuation


def read_trusted(data: Data, *, class_names: list[str], spool: Path | None = None) -> HeldOut | None:
    """The images of `data.reference`, read as a test set is; None where there is none.

    Raises:
        WinnowError: if it cannot be read, or holds no image of these classes.
    """
    sets = read_test_sets(
        {"reference": (data.reference, None)},
        named=data.class_names,
        class_names=class_names,
        image_size=data.image_size or data.train_size,
        max_unpacked_bytes=data.max_unpacked_gb * 2**30,
        spool=spool,
    )
    return sets.get("reference")


def value_dataset(
    images: pd.DataFrame,
    pixels: Pixels,
    trusted: HeldOut | None,
    confirmations: pd.DataFrame,
    *,
    num_classes: int,
    options: Valuation,
    reference_per_class: int,
    scratch: Path | None = None,
) -> tuple[pd.DataFrame, str]:
    """Value every image that is neither of the reference nor a near duplicate of one of it.

    Args:
        images: `image_id`, `label`, `duplicate_group`, `label_quality_score`, `signals_agree` and `is_ood`.
        pixels: (N, H, W, 3) uint8 of the same images.
        trusted: images from elsewhere, which are the reference then.
        confirmations: `image_id`, `verdict` and `label`, see `read_confirmations`: those that people confirmed are the
            reference without `trusted`.
        num_classes: K.
        options: the section `valuation` of the params.
        reference_per_class: see `choose_reference`.
        scratch: as in `value_images`.

    Returns:
        A row per image: `image_id` and the columns of `value_images`, with `nearest_reference` as an id; NaN, 0 and ""
        for an image that is not valued. And what was done, in words.

    Raises:
        WinnowError: if the images have no labels, and as `value_images` does.
    """
    require_labels(num_classes)
    if trusted is None:
        confirmed = confirmations[confirmations["verdict"] == "confirm"].set_index("image_id")["label"]
        chosen = choose_reference(images, confirmed, per_class=reference_per_class)
        reference_id, reference_labels = chosen.index.to_numpy(), chosen.to_numpy()
        inside = images["image_id"].isin(chosen.index).to_numpy()
        places = pd.Series(np.arange(len(images)), index=images["image_id"])
        reference_pixels = pixels[places[reference_id].to_numpy()]
    else:
        reference_id, reference_labels = trusted.image_id, trusted.labels
        inside = np.zeros(len(images), dtype=bool)
        inside[find_leaks(trusted.pixels, pixels).second] = True
        reference_pixels = trusted.pixels[:]
    rows = np.flatnonzero(of_other_groups(images["duplicate_group"].to_numpy(), inside))
    values = value_images(
        images["image_id"].to_numpy()[rows],
        pixels[rows],
        images["label"].to_numpy()[rows],
        reference_pixels,
        reference_labels,
        num_classes=num_classes,
        **options_of(options),
        scratch=scratch,
        device=best_device(),
    )
    values["nearest_reference"] = reference_id[values["nearest_reference"]]
    left_out = len(images) - len(rows)
    return for_all_images(values, images["image_id"].to_numpy()), (
        f"{len(rows)} images by a reference of {len(reference_id)}, {left_out} left out as it or its copies"
    )
