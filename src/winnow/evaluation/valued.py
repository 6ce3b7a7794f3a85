"""A dataset's images by what they do to a network that is trained on them, with images that people trust as judges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.data.listing import listed
from winnow.data.pixels import Pixels
from winnow.detect.duplicates.leaks import find_leaks
from winnow.detect.valuation.everyone import for_all_images, with_names
from winnow.detect.valuation.options import options_of
from winnow.detect.valuation.reference import choose_reference, of_other_groups
from winnow.detect.valuation.values import NETWORK_KEY, value_images
from winnow.device import best_device
from winnow.errors import WinnowError, require_labels
from winnow.evaluation.held_out import HeldOut, read_test_sets
from winnow.models.networks import check_network
from winnow.params.valuation import Valuation


@dataclass(frozen=True)
class Valued:
    """What `value_dataset` found.

    Attributes:
        values: a row per image: `image_id` and the columns of `value_images`, with `nearest_reference` as an id, that
            of `data.reference` after `reference/`; NaN, 0 and "" for an image that is not valued.
        warnings: a sentence each.
        summary: in a line.
    """

    values: pd.DataFrame
    warnings: list[str]
    summary: str


def read_trusted(reference: str, class_names: list[str], like: Pixels, **options: Any) -> HeldOut | None:
    """The images of `data.reference`, read as a test set is; None where there is none.

    Args:
        reference: a path, or `data/none`.
        class_names: K.
        like: (N, H, W, 3), of the size that they are brought to.
        options: the others of `read_test_sets`.

    Raises:
        WinnowError: if it cannot be read, or holds no image of these classes.
    """
    options = {"class_names": class_names, "image_size": like.shape[1], **options}
    try:
        return read_test_sets({"reference": (reference, None)}, **options).get("reference")
    except WinnowError as error:
        raise WinnowError(f"data.reference: {error}") from None


def value_dataset(
    images: pd.DataFrame,
    pixels: Pixels,
    trusted: HeldOut | None,
    by_people: tuple[pd.Series, set[str]],
    *,
    class_names: Sequence[str],
    options: Valuation,
    reference_per_class: int,
    scratch: Path | None = None,
) -> Valued:
    """Value every image that is neither of the reference nor a near duplicate of one of it.

    Args:
        images: `image_id`, `label`, `duplicate_group`, `label_quality_score`, `signals_agree` and `is_ood`.
        pixels: (N, H, W, 3) uint8 of the same images.
        trusted: images from elsewhere, which are the reference then.
        by_people: labels by id of the dataset's images that people confirmed, and the ids of those that they want
            otherwise: of which the reference is chosen without `trusted`.
        class_names: K.
        options: the section `valuation` of the params.
        reference_per_class: see `choose_reference`.
        scratch: as in `value_images`.

    Raises:
        WinnowError: if the images have no labels, the network takes none of their size, fewer than two images are left
            to train on, and as `value_images` does.
    """
    require_labels(len(class_names))
    check_network(options.network, image_size=pixels.shape[1], key=NETWORK_KEY)
    if trusted is None:
        chosen = choose_reference(images, *by_people, per_class=reference_per_class)
        reference_id, reference_labels = chosen.index.to_numpy(), chosen.to_numpy()
        inside = images["image_id"].isin(chosen.index).to_numpy()
        places = pd.Series(np.arange(len(images)), index=images["image_id"])
        reference_pixels = pixels[places[reference_id].to_numpy()]
    else:
        reference_id = np.array([f"reference/{name}" for name in trusted.image_id], dtype=object)
        reference_labels, reference_pixels = trusted.labels, trusted.pixels[:]
        inside = np.zeros(len(images), dtype=bool)
        inside[find_leaks(trusted.pixels, pixels).second] = True
    rows = np.flatnonzero(of_other_groups(images["duplicate_group"].to_numpy(), inside))
    if len(rows) < 2:
        raise WinnowError(
            f"of {len(images)} images {len(rows)} {'is' if len(rows) == 1 else 'are'} neither of the reference nor a "
            "copy of one of it: too few to train on; name other images as data.reference, or confirm fewer."
        )
    labels = images["label"].to_numpy()[rows]
    values = value_images(
        images["image_id"].to_numpy()[rows],
        pixels[rows],
        labels,
        reference_pixels,
        reference_labels,
        num_classes=len(class_names),
        **options_of(options),
        scratch=scratch,
        device=best_device(),
    )
    left_out = len(images) - len(rows)
    return Valued(
        values=for_all_images(with_names(values, reference_id), images["image_id"].to_numpy()),
        warnings=[*_rejected(trusted), *_lacking(labels, reference_labels, class_names)],
        summary=f"{len(rows)} images by a reference of {len(reference_id)}, {left_out} left out as it or its copies",
    )


def _rejected(trusted: HeldOut | None) -> Iterator[str]:
    if trusted is not None and len(trusted.rejected):
        first = trusted.rejected.iloc[0]
        yield (
            f"{len(trusted.rejected)} of the files in {trusted.source} cannot be used as a reference, such as "
            f"{first['file_name']}: {first['detail']}."
        )


def _lacking(labels: np.ndarray, reference_labels: np.ndarray, class_names: Sequence[str]) -> Iterator[str]:
    for what, there in (
        ("no image of the reference is", reference_labels),
        ("no image is left to train on that is", labels),
    ):
        if missing := [name for label, name in enumerate(class_names) if label not in there]:
            yield f"{what} {listed(missing)}: values say little of {'it' if len(missing) == 1 else 'them'}."
