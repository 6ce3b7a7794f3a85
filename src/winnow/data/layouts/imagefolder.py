"""ImageFolder: `<label>/<image>` or `<split>/<label>/<image>`, with folders between that tell nothing.

Everything in a folder of a label is an image by its content, or rejected; only companions (`litter.companion`) are left
out. An id is made of the label and of the file's path below the label's folder, and of nothing else, so that neighbours
come and go without a change. It is `img_<label>-<stem>` where that can be read back to the path: a `.jpg` right in the
label's folder, letters, digits and dots in the label, and hyphens too in the stem. Any other has a digest of the path
behind.
"""

import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from winnow.data.archive import Archive
from winnow.data.images import is_image
from winnow.data.layouts.entries import LONGEST_STEM, Entry, Layout, id_of, image_stem
from winnow.data.layouts.folder_names import are_parts, are_splits, is_training, never_a_class, split_of, stray_splits
from winnow.data.layouts.tree import Tree, read_tree
from winnow.data.listing import listed
from winnow.data.litter import PACKED_SUFFIXES, TABLE_SUFFIXES, companion
from winnow.errors import WinnowError

FORM = "<label>/<image> folders"
POSITIONAL = False
_READABLE = re.compile(rf"[A-Za-z0-9.]+/[A-Za-z0-9.-]{{1,{LONGEST_STEM}}}\.jpg")


@dataclass(frozen=True)
class _Place:
    """Where a file lies: the levels of its folder, and, of one of the commonest depth, what each is for."""

    split: str | None
    label: str | None
    inner: str  # path below the label's folder
    deeper: bool = False


def matches(archive: Archive) -> bool:
    """Whether there is a file that may be an image."""
    names = archive.names()
    return any(_is_image(name) for name in names) or any(
        "/" in name and companion(name) is None and not name.lower().endswith(PACKED_SUFFIXES) for name in names
    )


def read(archive: Archive, *, class_names: Sequence[str], split: str | None) -> Layout:
    """Read it; see `layouts.entries.Reader`. Classes are the sorted names of their folders if not named."""
    names = archive.names()
    candidates = [name for name in names if companion(name) is None]
    images = [name for name in candidates if _is_image(name)] or candidates
    empty = archive.empty_folders()
    tree = read_tree(images, [*names, *(f"{folder}/" for folder in empty)])
    folders = _Folders(archive, tree, images, split)

    labelled = [name for name in candidates if folders.place(name).label is not None]
    found = {_composed(folders.place(name).label or "") for name in labelled if _is_image(name)}
    found |= _by_content(archive, folders, [name for name in labelled if not _is_image(name)], found)
    hollow = {_composed(folders.place(f"{folder}/x").label or "") for folder in empty} - found - {""}
    if not class_names:
        _require_classes(archive, found, names)
    names_of_classes = list(class_names) or sorted(found | hollow)
    labels = {_composed(name): label for label, name in enumerate(names_of_classes)}

    entries, left_out = [], {}
    wanted = posixpath.join(folders.root, *folders.form.split("/"))
    for name in names:
        place, reason = folders.place(name), companion(name)
        if reason is None and tree.is_layer(posixpath.dirname(name)):
            reason = "annotation"
        if reason is None and place.split is not None and place.split != folders.chosen:
            reason = "other-split"
        if reason is None and place.label is None and not _is_image(name):
            reason = "packed" if name.lower().endswith(PACKED_SUFFIXES) else "other"
        if reason is not None:
            left_out[name] = reason
        elif place.label is None or place.deeper:
            entries.append(Entry(name, "", None, "bad-name", f"not {wanted}"))
        elif not class_names and _composed(place.label) not in found:
            entries.append(Entry(name, "", None, "bad-name", f"no file in the folder {place.label!r} is an image"))
        else:
            image_id, label = _image_id(place.label, place.inner), labels.get(_composed(place.label))
            problem = "" if label is not None else "unknown-class"
            detail = f"{place.label!r} is not among data.class_names ({', '.join(class_names)})" if problem else ""
            entries.append(Entry(name, image_id, label, problem, detail))
    return Layout(
        names_of_classes,
        entries,
        left_out,
        form=folders.described(),
        notes=tuple(_notes(folders, names_of_classes, found, names, left_out)),
        empty_classes=frozenset(hollow),
    )


def _by_content(archive: Archive, folders: "_Folders", names: Sequence[str], found: set[str]) -> set[str]:
    """Further classes: those of files that are images, though neither their names nor their neighbours' say so."""
    more: set[str] = set()
    for name in names:
        label = _composed(folders.place(name).label or "")
        if label not in found and label not in more and is_image(archive.read(name), file_name=name):
            more.add(label)
    return more


class _Folders:
    """Which level of the tree is the label's, and which the split's."""

    def __init__(self, archive: Archive, tree: Tree, images: Sequence[str], split: str | None) -> None:
        self.root, self._tree = tree.root, tree
        self.splits: list[str] = []
        self.chosen: str | None = None
        self._split_level: int | None = None
        self._label_level = 0
        paths = [levels for name in images if len(levels := self._levels(name)) == tree.levels]
        where = tree.root or "its root"
        if tree.levels == 0 and len(images) == 1:
            raise WinnowError(f"{archive.label} has one image only, {images[0]}; two images or more are needed.")
        if tree.levels == 0:
            raise WinnowError(
                f"{archive.label} has all its images in {where}; put each class into a folder of its own, two classes "
                f"or more{_not_from_tables(archive)}."
            )
        if tree.levels == 1:
            self._require_no_split(archive, split)
            names = sorted({levels[0] for levels in paths})
            beside = {self._tree.beside(posixpath.dirname(name)) for name in images} - {None}
            base = posixpath.basename(tree.root)
            if self.root and split_of(base) and (others := [name for name in beside if name and split_of(name)]):
                self.chosen, self.splits = base, sorted([base, *others])
            if are_splits(names) or all(never_a_class(name) for name in names):
                raise WinnowError(
                    f"{archive.label} has its images in {listed(names)}, which are no classes, and no folders of "
                    f"labels in them; put each class into a folder of its own{_not_from_tables(archive)}."
                )
        elif tree.levels == 2:
            self._find_split(archive, paths, split)
        else:
            raise WinnowError(
                f"{archive.label} has its images {tree.levels} folders below {where}; winnow reads <label>/<image> or "
                "<split>/<label>/<image>."
            )

    def _levels(self, name: str) -> tuple[str, ...]:
        parts = name.split("/")
        return tuple(parts[place] for place in self._tree.places(posixpath.dirname(name)) or ())

    def place(self, name: str) -> _Place:
        """Where a file lies."""
        places = self._tree.places(posixpath.dirname(name))
        parts = name.split("/")
        if places is None:
            other = self._tree.beside(posixpath.dirname(name))
            return _Place(other if other in self.splits else None, None, "")
        split = self.chosen if self._split_level is None else None
        if self._split_level is not None and len(places) > self._split_level:
            split = parts[places[self._split_level]]
            split = split if split in self.splits or self._split_level == 0 else None
        if len(places) <= self._label_level or (self._split_level is not None and split is None):
            return _Place(split, None, "")
        at = places[self._label_level]
        return _Place(split, parts[at], "/".join(parts[at + 1 :]), deeper=len(places) > self._tree.levels)

    def _require_no_split(self, archive: Archive, split: str | None) -> None:
        if split and posixpath.basename(self.root) != split:
            there = f"its images are all in {self.root}" if self.root else "it has no splits"
            key = "data.split or data.test_split"
            raise WinnowError(f"{archive.label} has no split {split!r} ({there}); set {key} in params.yaml to null.")

    def _find_split(self, archive: Archive, paths: Sequence[tuple[str, ...]], split: str | None) -> None:
        below: dict[str, set[str]] = defaultdict(set)
        for first, second in paths:
            below[first].add(second)
        second_names = sorted(set().union(*below.values()))
        if are_splits(second_names) and not are_splits(sorted(below)):
            self._split_level, self._label_level, self.splits = 1, 0, second_names
        else:
            self._split_level, self._label_level, self.splits = 0, 1, sorted(below)
        training = [name for name in self.splits if name == "train"] or [n for n in self.splits if is_training(n)]
        if split:
            if split not in self.splits:
                raise WinnowError(
                    f"{archive.label} has no split {split!r}; set data.split in params.yaml to one of "
                    f"{listed(self.splits)}."
                )
            self.chosen = split
        elif len(training) == 1 and (self._split_level == 1 or _alike(below, training[0]) or are_splits(self.splits)):
            self.chosen = training[0]
        elif all(len(labels) == 1 for labels in below.values()) and not are_splits(self.splits):
            self._split_level, self._label_level, self.splits = None, 0, []  # one folder in each: it tells no more
        else:
            self._refuse_splits(archive, below)

    def _refuse_splits(self, archive: Archive, below: dict[str, set[str]]) -> None:
        names = listed(self.splits)
        if are_splits(self.splits):
            raise WinnowError(
                f"{archive.label} has several splits and none called 'train'; set data.split in params.yaml to one of "
                f"{names}."
            )
        first = next(iter(sorted(below)))
        if _alike(below, first):
            raise WinnowError(
                f"{archive.label} has the same folders of labels in each of {names}; set data.split in params.yaml to "
                "the one to read."
            )
        example = posixpath.join(first, sorted(below[first])[0])
        raise WinnowError(
            f"{archive.label} has two levels of folders that differ, as in {example}/, and neither is one of splits "
            f"({names}); put the folders of all labels on one level, or set data.split in params.yaml to one to read."
        )

    @property
    def form(self) -> str:
        if self._split_level is None:
            return "<label>/<image>"
        label = "<label>/<image>"
        return f"{self.chosen}/{label}" if self._split_level == 0 else f"<label>/{self.chosen}/<image>"

    def described(self) -> str:
        form = posixpath.join(self.root, self.form)
        others = [name for name in self.splits if name != self.chosen]
        parts = [f"ImageFolder, {form}"]
        if others:
            parts.append(f"not the other splits {listed(others)}")
        if self._tree.stripped:
            parts.append(f"passed through: {listed(self._tree.stripped)}")
        return "; ".join(parts)


def _alike(below: dict[str, set[str]], name: str) -> bool:
    """Whether the other folders hold much the same folders as this one."""
    others = [labels for other, labels in below.items() if other != name]
    return all(2 * len(labels & below[name]) >= min(len(labels), len(below[name])) for labels in others)


def _require_classes(archive: Archive, found: set[str], names: Sequence[str]) -> None:
    if len(found) < 2:
        only = f"one class only, {next(iter(found))!r}" if found else "no class"
        raise WinnowError(
            f"{archive.label} has {only}; put each class into a folder of its own, two classes or more"
            f"{_not_from_tables(archive)}."
        )
    if are_parts(sorted(found)):
        raise WinnowError(
            f"{archive.label} has its images in {listed(sorted(found))}, by their names parts of one set; put "
            "each class into a folder of its own, or name them in data.class_names in params.yaml if they are classes"
            f"{_not_from_tables(archive)}."
        )
    doubtful = sorted({*stray_splits(found), *(name for name in found if never_a_class(name))})
    if doubtful:
        classes = sorted(found - set(doubtful))
        raise WinnowError(
            f"{archive.label} has {listed(doubtful)} beside {listed(classes)}, which by its name is no class; move "
            "it out of the archive, or name the classes in data.class_names in params.yaml."
        )


def _not_from_tables(archive: Archive) -> str:
    """Words on the tables of labels in an archive, which are not read."""
    tables = [name for name in archive.names() if name.lower().endswith(TABLE_SUFFIXES)]
    if not tables:
        return ""
    tables.sort(key=lambda name: name.count("/"))
    return (
        f": winnow reads labels from folders or from data-labels.json, not from {listed(tables)}; sort the images "
        "into folders by it"
    )


def _notes(
    folders: _Folders, class_names: Sequence[str], found: set[str], names: Sequence[str], left_out: dict[str, str]
) -> Iterable[str]:
    alike = defaultdict(list)
    for name in class_names:
        alike[re.sub(r"[\s_-]+", " ", name).strip().casefold()].append(name)
    for group in alike.values():
        if len(group) > 1:
            yield f"The classes {listed([repr(name) for name in group])} differ in case or blanks alone; are they one?"
    held: dict[str, list[str]] = defaultdict(list)
    for name in names:
        label = folders.place(name).label
        if label is not None and folders.place(name).split == folders.chosen and _composed(label) not in found:
            held[label].append(name)
    for label, files in sorted(held.items()):
        files_of_it = f"{len(files)} file{'s' * (len(files) > 1)}, such as {files[0]}"
        yield f"The folder {label!r} is no class: it holds no image ({files_of_it})."
    packed = sorted(name for name, reason in left_out.items() if reason == "packed")
    if packed:
        yield f"Archives in the archive are not read ({listed(packed)}); unpack what belongs to the dataset."


def _is_image(name: str) -> bool:
    """Whether a file is an image by its name."""
    return companion(name) is None and image_stem(posixpath.basename(name)) is not None


def _composed(name: str) -> str:
    """The name with composed letters: macOS stores an umlaut as two characters, keyboards type it as one."""
    return unicodedata.normalize("NFC", name)


def _image_id(label: str, inner: str) -> str:
    path = f"{label}/{inner}"
    name = posixpath.basename(inner)
    stem = image_stem(name)
    words = f"{label}/{name if stem is None else stem}"
    return id_of(path, words=words, readable=bool(_READABLE.fullmatch(path)))
