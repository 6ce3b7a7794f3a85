"""What a run will read and train, looked at before a long run finds out: names and labels, no pixels."""

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from winnow.curation.external import class_of_folder, photo_names
from winnow.data.archive import open_archive
from winnow.data.layouts import Layout, read_layout
from winnow.data.layouts.registry import AUTO
from winnow.data.listing import listed
from winnow.encoders.registry import check_encoder
from winnow.errors import WinnowError
from winnow.evaluation.held_out import find_test_sets
from winnow.evaluation.truth import read_truth
from winnow.files import given
from winnow.models.networks import check_network
from winnow.params import Params


def check_models(params: Params) -> None:
    """Look up the encoder and the networks that `params` name.

    Raises:
        WinnowError: if one is unknown, or a network takes no images of the size that is trained on.
    """
    check_encoder(params.embed.model_dump())
    size = params.data.image_size or params.data.train_size
    check_network(params.train.network, image_size=size)
    check_network(params.quick_check.network, image_size=size, key="quick_check.network")
    if params.valuation.enabled:
        from winnow.detect.valuation.values import NETWORK_KEY, build_hookable  # takes long to import

        build_hookable(params.valuation.network, num_classes=2)
        check_network(params.valuation.network, image_size=size, key=NETWORK_KEY)


def read_inputs(params: Params) -> Iterator[str]:
    """Read the layouts of the archive, of all test sets and of the reference, the truth file and the folders of
    external photos.

    What the pipeline has yet to make is passed over.

    Args:
        params: as `load_params` returns them; paths are relative to the working directory.

    Yields:
        A sentence on each, or on what a person should know of it.

    Raises:
        WinnowError: if one cannot be read, or has nothing to do with the classes or images of the archive.
    """
    data = params.data
    class_names: Sequence[str] = data.class_names
    image_ids: set[str] = set()
    if Path(data.archive).exists():
        layout = _layout(params, data.archive, data.split)
        class_names = layout.class_names
        image_ids = {entry.image_id for entry in layout.entries if entry.image_id}
        yield f"{data.archive}: {_told(layout)}"
        yield from layout.notes
    keys = {"test": "data.test_archive", "reference": "data.reference"}
    sets = find_test_sets(data.test_archive, data.test_split, data.test_sets)
    for name, (archive, split) in [*sets.items(), ("reference", (data.reference, None))]:
        if not (given(archive) and Path(archive).exists()):
            continue
        layout = _layout(params, str(archive), split, class_names)
        if not any(not entry.problem for entry in layout.entries):
            split_key = ", or correct data.test_split" if name in sets else ""
            raise WinnowError(
                f"{keys.get(name, 'a test set of data.test_sets')} is {archive}, which holds no image of the classes "
                f"{listed(class_names)} ({_problem(layout)}); name its classes likewise{split_key}."
            )
        yield f"{archive}: {_told(layout)}"
    if given(data.truth) and Path(data.truth).exists() and class_names:
        truth = read_truth(data.truth, class_names=list(class_names))
        if truth is not None and image_ids and image_ids.isdisjoint(truth["image_id"]):
            raise WinnowError(
                f"data.truth is {data.truth}, whose ids ({truth['image_id'].iloc[0]} and so on) are of no image of "
                f"{data.archive} ({min(image_ids)} and so on); write the ids of data/interim/manifest.parquet."
            )
        yield f"{data.truth}: {0 if truth is None else len(truth)} images"
    if given(data.outside_photos) and Path(data.outside_photos).exists() and class_names:
        yield _photos(params, class_names)


def _layout(params: Params, archive: str, split: str | None, class_names: Sequence[str] | None = None) -> Layout:
    with open_archive(archive, max_unpacked_bytes=params.data.max_unpacked_gb * 2**30) as opened:
        main = class_names is None
        return read_layout(
            opened,
            class_names=params.data.class_names,
            split=split,
            keep=class_names or None,
            layout=params.data.layout if main else AUTO,
            unlabelled=main,
        )


def _told(layout: Layout) -> str:
    good = sum(not entry.problem for entry in layout.entries)
    faulty = len(layout.entries) - good
    problem = f", {faulty} not to be placed ({_problem(layout)})" if faulty else ""
    classes = f"of {len(layout.class_names)} classes" if layout.class_names else "without labels"
    return f"{good} images {classes}{problem}; {layout.form}"


def _problem(layout: Layout) -> str:
    entry = next(entry for entry in layout.entries if entry.problem)
    return f"{entry.file_name or entry.image_id}: {entry.detail}"


def _photos(params: Params, class_names: Sequence[str]) -> str:
    path = params.data.outside_photos
    with open_archive(path, max_unpacked_bytes=params.data.max_unpacked_gb * 2**30) as archive:
        names = photo_names(archive)
    folders = sorted({posixpath.dirname(name) for name in names})
    placed = [name for name in names if class_of_folder(name, class_names) is not None]
    if not placed:
        raise WinnowError(
            f"data.outside_photos is {path}, whose folders ({listed([folder or '.' for folder in folders])}) are "
            f"not named like the classes ({listed(class_names)}); put the photos there as <class>/<photo>."
        )
    return f"{path}: {len(placed)} photos in folders of classes, {len(names) - len(placed)} in others"
