"""Images that networks are judged on: the validation set, and test sets by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.compare.align_predictions import UNSEEN
from winnow.data.manifest import load_dataset
from winnow.data.pixels import DecodedPixels, Pixels
from winnow.errors import WinnowError
from winnow.files import given

RESERVED = ("validation", "test")


@dataclass(frozen=True)
class HeldOut:
    """A set that no network is trained on.

    Attributes:
        image_id: (N,) unique strings.
        labels: (N,) int64 in [0, K), the true classes.
        pixels: (N, H, W, 3) uint8.
        source: where it comes from, for messages.
        rejected: `file_name`, `image_id`, `reason`, `detail` of what could not be read there.
    """

    image_id: np.ndarray
    labels: np.ndarray
    pixels: Pixels
    source: str = ""
    rejected: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def of_packed(cls, packed: pd.DataFrame) -> "HeldOut":
        """From a packed set with its `image_bytes`, see `data.packed`."""
        pixels = DecodedPixels(packed["image_bytes"].to_numpy())
        return cls(packed["image_id"].to_numpy(), packed["label"].to_numpy(), pixels)


def find_test_sets(
    test_archive: str | Path, split: str | None, folder: str | Path
) -> dict[str, tuple[str | Path, str | None]]:
    """What `read_test_sets` reads: `test`, and the test sets in a folder, by name.

    Args:
        test_archive: `data.test_archive`.
        split: of it and of all others, `data.test_split`.
        folder: `data.test_sets`: of each folder or archive in it (`.dvc` files and hidden ones are none) the name up to
            the first dot is that of the test set. Left out where it is not given.

    Raises:
        WinnowError: if the folder is none or empty, or two names are alike or mean something else.
    """
    found: dict[str, tuple[str | Path, str | None]] = {"test": (test_archive, split)}
    if not given(folder):
        return found
    if not Path(folder).is_dir():
        raise WinnowError(f"data.test_sets is {folder}, which is no folder; name a folder of test sets.")
    paths = sorted(path for path in Path(folder).iterdir() if path.name[0] != "." and path.suffix != ".dvc")
    if not paths:
        raise WinnowError(f"data.test_sets is {folder}, which is empty; put test sets there, or set it to data/none.")
    for path in paths:
        name = path.name.partition(".")[0]
        if name in RESERVED or name.endswith(UNSEEN):
            raise WinnowError(f"{path}: a test set cannot be called {name}, which means something else; rename it.")
        if name in found:
            raise WinnowError(f"{found[name][0]} and {path} are both the test set {name}; rename one.")
        found[name] = (path, split)
    return found


def read_test_sets(
    archives: Mapping[str, tuple[str | Path, str | None]],
    *,
    class_names: list[str],
    named: Sequence[str] = (),
    image_size: int,
    max_unpacked_bytes: float,
    spool: Path | None = None,
) -> dict[str, HeldOut]:
    """Read test sets from their archives; a class may lack images there.

    Args:
        archives: by the test set's name, its archive and which split of an ImageFolder to read; those that are not
            given (`data/none`) are left out.
        class_names: K names of the dataset's classes, in label order.
        named: `data.class_names`, of which the dataset may have left small classes out; empty if they are derived.
        image_size, max_unpacked_bytes, spool: see `data.manifest.build_manifest`.

    Raises:
        WinnowError: if an archive cannot be read, or holds no image of these classes.
    """
    test_sets = {}
    for name, (archive, split) in archives.items():
        if not given(archive):
            continue
        dataset = load_dataset(
            archive,
            class_names=named,
            keep=class_names,
            split=split,
            image_size=image_size,
            max_unpacked_bytes=max_unpacked_bytes,
            every_class=False,
            spool=spool,
        )
        test_sets[name] = HeldOut(
            image_id=dataset.manifest["image_id"].to_numpy(),
            labels=dataset.manifest["label"].to_numpy(),
            pixels=DecodedPixels(dataset.image_bytes),
            source=str(archive),
            rejected=dataset.rejected,
        )
    return test_sets
