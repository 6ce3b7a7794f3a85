"""The folders of an archive as levels: those that tell nothing of an image are taken out."""

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from winnow.data.layouts.folder_names import are_splits, is_annotation_layer, is_image_layer

Folders = tuple[str, ...]


@dataclass
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    own: int = 0  # images in the folder itself
    below: int = 0  # and in all below it


@dataclass(frozen=True)
class Tree:
    """The levels of an archive's folders.

    Attributes:
        root: the folder that all images of the commonest depth share, "" for the archive itself.
        levels: how many levels below it tell images apart.
        stripped: names of folders that were taken out: layers, repeated ones, and those that all images share.
    """

    root: str
    levels: int
    stripped: tuple[str, ...]
    _kept: Mapping[Folders, tuple[int, ...] | None]
    _base: Folders
    _constant: Mapping[int, str]

    def places(self, folder: str) -> tuple[int, ...] | None:
        """Which parts of a folder's path are its levels, by position; None of one outside the root."""
        parts = _parts(folder)
        kept = self._kept[parts]
        if kept is None or tuple(parts[place] for place in kept[: len(self._base)]) != self._base:
            return None
        return tuple(
            place
            for level, place in enumerate(kept)
            if level >= len(self._base) and self._constant.get(level) != parts[place]
        )

    def beside(self, folder: str) -> str | None:
        """The name that stands in a folder's path where the root's last one would; None of a folder in the root, or
        elsewhere."""
        parts = _parts(folder)
        names = tuple(parts[place] for place in self._kept[parts] or ())
        *above, last = self._base or ("",)
        at = len(above)
        return names[at] if len(names) > at and [*names[:at]] == above and names[at] != last else None

    def is_layer(self, folder: str) -> bool:
        """Whether a folder lies in a layer of masks or other annotations, beside one of images."""
        return self._kept[_parts(folder)] is None


def read_tree(images: Sequence[str], others: Sequence[str]) -> Tree:
    """Find the levels.

    A folder `images` is taken out, wherever it stands; beside it, folders of masks and other annotations are layers. So
    is a folder in one of the same name that holds nothing else (`seg_train/seg_train`), and a level on which all images
    of the commonest depth have the same folder (`<label>/256x256/<image>`). Images in one folder alone count only if
    there are no others: a test set without labels, say.

    Args:
        images: paths of the files that are images by their names.
        others: further paths whose folders are to be placed.
    """
    top = _Node()
    for path, is_image in [*((path, 1) for path in images), *((path, 0) for path in others)]:
        node = top
        node.below += is_image
        for part in _parts(posixpath.dirname(path)):
            node = node.children.setdefault(part, _Node())
            node.below += is_image
        node.own += is_image
    kept, stripped = _placed(top)
    counts: Counter[Folders] = Counter()
    for path in images:
        parts = _parts(posixpath.dirname(path))
        places = kept[parts]
        if places is not None:
            counts[tuple(parts[place] for place in places)] += 1
    base, deepest, constant = _common(counts)
    stripped |= dict.fromkeys(constant.values())
    return Tree(
        root="/".join(base),
        levels=deepest - len(base) - len(constant),
        stripped=tuple(stripped),
        _kept=kept,
        _base=base,
        _constant=constant,
    )


def _placed(top: _Node) -> tuple[dict[Folders, tuple[int, ...] | None], dict[str, None]]:
    """Which parts of each folder's path tell something, None in a layer of annotations; and the names taken out."""
    kept: dict[Folders, tuple[int, ...] | None] = {}
    stripped: dict[str, None] = {}
    waiting: list[tuple[_Node, Folders, tuple[int, ...] | None]] = [(top, (), ())]
    while waiting:
        node, path, places = waiting.pop()
        kept[path] = places
        with_images = [name for name, child in node.children.items() if child.below]
        layers = [name for name in with_images if is_image_layer(name)]
        layered = bool(layers) and all(is_image_layer(name) or is_annotation_layer(name) for name in with_images)
        repeated = with_images == list(path[-1:]) and not node.own
        for name, child in node.children.items():
            if places is None or (layered and is_annotation_layer(name)):
                below = None
            elif name in with_images and (repeated or (layered and name in layers)):
                stripped[name] = None
                below = places
            else:
                below = (*places, len(path))
            waiting.append((child, (*path, name), below))
    return kept, stripped


def _common(counts: Counter[Folders]) -> tuple[Folders, int, dict[int, str]]:
    """What folders of the commonest depth share: their beginning, how deep they are, and the name on each level below
    the beginning on which they have but one."""
    depths: Counter[int] = Counter()
    for parts, count in counts.items():
        depths[len(parts)] += count
    found = []
    for depth in sorted(depths, key=lambda depth: (depths[depth], depth), reverse=True):
        of_depth = [parts for parts in counts if len(parts) == depth]
        common = tuple(posixpath.commonprefix(of_depth))
        columns = {level: {parts[level] for parts in of_depth} for level in range(len(common), depth)}
        constant = {level: names.pop() for level, names in columns.items() if len(names) == 1}
        found.append((common, depth, constant))
    with_levels = [one for one in found if one[1] > len(one[0])]
    labelled = [one for one in with_levels if not _only_splits(counts, one)]
    return next(iter((*labelled, *with_levels, *found)))


def _only_splits(counts: Counter[Folders], found: tuple[Folders, int, dict[int, str]]) -> bool:
    """Whether the only level is one of splits: of a test and an unlabelled set, say, beside a training set."""
    common, depth, constant = found
    levels = [level for level in range(len(common), depth) if level not in constant]
    return len(levels) == 1 and are_splits(sorted({parts[levels[0]] for parts in counts if len(parts) == depth}))


def _parts(folder: str) -> Folders:
    return tuple(folder.split("/")) if folder else ()
