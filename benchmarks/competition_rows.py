"""The rows of the competition's table: what each trains on.

The label book is the reference of valuation and is trained on in no row. Copies are made at the size of their original
and shrunk by the grader. Nothing is chosen on the test half, and the audit is read by the oracle alone.
"""

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image

from competition_data import Numerals, audited, shrunk
from winnow import tables
from winnow.augmentation.policy.policy import Policy, Step, read_policy, write_policy
from winnow.augmentation.policy.random_moves import random_policy
from winnow.augmentation.policy.search import SearchSettings, search_policy
from winnow.competition import pool
from winnow.competition.copies import drawn_of_each_class, packed_with_copies
from winnow.competition.rounds import VALUES, clean_round
from winnow.curation.decide import decide
from winnow.curation.review import no_review
from winnow.data.perceptual_hash import hash_groups, perceptual_hash
from winnow.detect.labels.label_issues import score_labels
from winnow.detect.labels.neighbour_rule import edge_difficulty
from winnow.detect.signals import Evidence
from winnow.detect.valuation.harm import harmful
from winnow.detect.valuation.values import value_images
from winnow.encoders.fitted.networks import TrainedSettings, fit_trained_encoder
from winnow.learn.folds import stratified_group_folds
from winnow.learn.probe import crossval_pred_probs
from winnow.models.recipe import Recipe
from winnow.params.configs import load_config
from winnow.submission.competition import CLASS_NAMES, MOST_IMAGES

ROOT = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")
L2 = (0.003, 0.01, 0.03, 0.1, 0.3)
PER_CLASS = 915  # 9,150 training images leave room for the validation images, as the grader counts
FEW = 20  # images per class that choose the epoch where all others are trained on
PER_CLASS_WITH_FEW = 975
VALIDATING, PER_CLASS_BESIDE_THEM = 120, 880  # 1,200 + 8,800 images
INVERTED = 0.25
STROKES = ("thickness",)
# Four in five of the training images' numerals are 10 to 25 of 32 pixels high, a factor of 1.6 about the middle either
# way; a zoom at its full magnitude has one of 1.4, and among the moves it is one of six.
SIZES = (Step("zoom", 0.8, 1.0), Step("zoom", 0.8, 1.0))
# As the prototype of valuation on these images was run, before their test set was looked at.
FOLLOWED = Recipe(epochs=50, batch_size=32, learning_rate=0.02, momentum=0.9)
CHECKPOINTS = (1, 2, 4, 7, 11, 17, 28)
# The parameters of pipelines/competition, with what differs for the numerals.
PARAMS = yaml.safe_load((ROOT / "pipelines/competition/params.yaml").read_text(encoding="utf-8"))
NETWORKS = load_config("base", start=ROOT).embed.trained.model_dump(exclude={"weight_candidates"})
CLEANING = PARAMS["cleaning"] | {"encoder": NETWORKS, "class_floor": 100}
SEARCH = SearchSettings(
    **{key: value for key, value in PARAMS["policy_search"].items() if key not in ("enabled", "seed")}
    | {"images": 2000, "sub_policies": 50, "epochs": 20}
)


def state_of_this_code(state: Path) -> Path:
    """The folder of what this code made: another version's labels and trainings are none of its rows'."""
    own = ("benchmarks/competition.py", "benchmarks/competition_data.py", "benchmarks/competition_rows.py")
    files = [*sorted((ROOT / "src/winnow").rglob("*.py")), *(ROOT / name for name in own)]
    files += [ROOT / "pipelines/competition/params.yaml", ROOT / "configs/base.yaml"]
    return state / hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


@dataclass(frozen=True)
class Prepared:
    """What a row trains on, and chooses its epoch by: (N, 32, 32, 3) float32 in [0, 255] and (N,) labels."""

    pixels: np.ndarray
    labels: np.ndarray
    validation_pixels: np.ndarray
    validation_labels: np.ndarray


@dataclass(frozen=True)
class Cleaned:
    """What cleaning leaves of the released images.

    Attributes:
        labels: (N,) that are trained with, -1 for dropped.
        difficulty: (N,) float of edge cases, higher is harder, NaN for all others; None where nothing measured it.
    """

    labels: np.ndarray
    difficulty: np.ndarray | None = None


Copies = Callable[[Numerals, Cleaned, np.ndarray, Path], Policy]


@dataclass(frozen=True)
class Row:
    """A row: what it is in words, the paper's figure where it has one, and how its data are made.

    Attributes:
        what: in words.
        paper: plain accuracy on the whole hidden test, as the paper has it.
        clean: from the released images, the audit's path and a folder for what is worth keeping.
        copies: from the released images, what cleaning left, the rows trained on and the folder, the policy that makes
            copies; None for no copies.
        strength: edge cases get up to 1 + this times the copies of others.
        validation: images per class that choose the epoch; all others are trained on. None: as released.
        drawn_from: the splits that they come from.
        validation_with_copies: images of each class that choose the epoch, originals and copies; None: no copies.
        original_levels: whether copies have no other grey levels than their originals.
    """

    what: str
    paper: float | None
    clean: Callable[[Numerals, Path, Path], Cleaned]
    copies: Copies | None = None
    strength: float = 0.0
    validation: int | None = None
    drawn_from: tuple[str, ...] = ("train", "val")
    validation_with_copies: int | None = None
    original_levels: bool = False

    @property
    def per_class(self) -> int:
        """Images of each class that are trained on where there are copies: what those that validate leave."""
        if self.validation_with_copies:
            return PER_CLASS_BESIDE_THEM
        return PER_CLASS if self.validation is None else PER_CLASS_WITH_FEW


def as_given(released: Numerals, audit: Path, state: Path) -> Cleaned:
    return Cleaned(released.labels)


def oracle(released: Numerals, audit: Path, state: Path) -> Cleaned:
    return Cleaned(audited(released, audit))


def by_hydra(released: Numerals, audit: Path, state: Path) -> Cleaned:
    """Images that harm a reference image most are dropped: the paper's rule, for at most 3 % of the images."""
    values = valued(released, state)
    dropped = harmful(values["points_harmed"].to_numpy(), values["influence"].to_numpy(), least=1, most=0.03)
    return Cleaned(np.where(np.isin(released.paths, values["image_id"][dropped]), -1, released.labels))


def by_label_issues(released: Numerals, audit: Path, state: Path) -> Cleaned:
    """winnow's label issues on the `trained` encoder, at the thresholds of configs/base.yaml."""
    file = state / "label-issues.parquet"
    rows = np.flatnonzero(released.split != "label_book")
    if not file.exists():
        tables.write_parquet(label_issues(released, rows, state), file)
    frame = pd.read_parquet(file)
    thresholds = load_config("base", start=ROOT).curate.model_dump()
    decisions = decide(
        frame.assign(
            ood_score=0.0,
            ood_detectors=0,
            image_faults="",
            duplicate_group=np.arange(len(frame)),
            exact_group=np.arange(len(frame)),
        ),
        class_names=list(CLASS_NAMES),
        thresholds=thresholds,
        review=no_review(),
        with_reasons=False,
    )
    labels = released.labels.copy()
    labels[rows] = decisions["final_label"].to_numpy()
    return Cleaned(labels)


def by_rounds(released: Numerals, audit: Path, state: Path) -> Cleaned:
    """The two rounds of pipelines/competition, with the encoder of configs/base.yaml."""
    rows = np.flatnonzero(released.split != "label_book")
    values = valued(released, state)
    images = pd.DataFrame(
        {
            "image_id": released.paths[rows],
            "label": released.labels[rows],
            "image_bytes": pd.Series([released.files[row] for row in rows], dtype=object),
        }
    ).merge(values[["image_id", *VALUES]], on="image_id", validate="1:1")
    before = None
    for number in (1, 2):
        file = state / f"round-{number}.parquet"
        if not file.exists():
            decided, counts = clean_round(
                images,
                before,
                num_classes=len(CLASS_NAMES),
                options=CLEANING,
                scratch=state / f"round-{number}",
                device=CPU,
            )
            print(f"round {number}: {counts}")
            tables.write_parquet(decided, file)
        decided = pd.read_parquet(file)
        before = decided["final_label"].to_numpy()
    labels, difficulty = released.labels.copy(), np.full(len(released.labels), np.nan)
    labels[rows], difficulty[rows] = before, edge_difficulty(decided, before)
    return Cleaned(labels, difficulty)


def label_issues(released: Numerals, rows: np.ndarray, state: Path) -> pd.DataFrame:
    """Label scores of the images at `rows`, on features of networks that did not see them."""
    pixels, labels = squares(released, rows), released.labels[rows]
    settings = TrainedSettings(**NETWORKS)
    encoded = fit_trained_encoder(
        pixels, labels, settings, num_classes=len(CLASS_NAMES), device=CPU, scratch=state / "encoder"
    )
    groups = hash_groups(perceptual_hash(pixels), max_distance=0)
    folds = [stratified_group_folds(labels, groups, folds=5, seed=seed) for seed in (0, 1)]
    probe = crossval_pred_probs(encoded.features, labels, folds, num_classes=len(CLASS_NAMES), l2_candidates=L2)
    evidence = Evidence(features=encoded.features, labels=labels, pred_probs=probe.pred_probs)
    scores = score_labels(evidence, fold=folds[0], l2=probe.l2, neighbours=20, groups=groups)
    return scores.frame.assign(image_id=released.paths[rows], label=labels)


def valued(released: Numerals, state: Path) -> pd.DataFrame:
    """Values of the images by the fixed network, the label book as reference."""
    file = state / "values.parquet"
    if not file.exists():
        book, rows = released.of("label_book"), np.flatnonzero(released.split != "label_book")
        values = value_images(
            released.paths[rows],
            shrunk([released.images[row] for row in rows]),
            released.labels[rows],
            shrunk(book.images),
            book.labels,
            num_classes=len(CLASS_NAMES),
            network="competition",
            recipe=FOLLOWED,
            checkpoints=CHECKPOINTS,
            recalibration_images=1500,
            seeds=[0],
            scratch=state / "values",
            device=CPU,
        )
        tables.write_parquet(values, file)
    return pd.read_parquet(file)


def squares(released: Numerals, rows: np.ndarray, *, side: int = 128) -> np.ndarray:
    """(N, side, side, 3) uint8."""
    size = (side, side)
    return np.stack(
        [np.asarray(Image.fromarray(released.images[row]).resize(size, Image.Resampling.LANCZOS)) for row in rows]
    )


def random_copies(*, strokes: Sequence[str] = (), sizes: Sequence[Step] = (), invert: float = 0.0) -> Copies:
    policy = random_policy(strokes=strokes, sizes=sizes, invert=invert)
    return lambda released, cleaned, rows, state: policy


def searched_copies(*, invert: float = 0.0, in_a_row: int = 1) -> Copies:
    """Faster AutoAugment, searched on what is trained on: for every copy so many of its sub-policies, one after
    the other; a share of the copies is inverted besides."""

    def search(released: Numerals, cleaned: Cleaned, rows: np.ndarray, state: Path) -> Policy:
        known = hashlib.sha256(cleaned.labels[rows].tobytes() + rows.tobytes()).hexdigest()[:12]
        file = state / f"policy-{known}.yaml"
        if not file.exists():
            policy = search_policy(
                squares(released, rows, side=32),
                cleaned.labels[rows],
                num_classes=len(CLASS_NAMES),
                settings=SEARCH,
                seed=0,
                scratch=state / f"policy-{known}",
                device=CPU,
            )
            write_policy(policy, file)
        found, inverted = read_policy(file), (Step("invert", invert),) if invert else ()
        rows_of_steps = itertools.product(found.sub_policies, repeat=in_a_row)
        return replace(found, sub_policies=tuple((*itertools.chain(*steps), *inverted) for steps in rows_of_steps))

    return search


def with_copies(
    released: Numerals,
    rows: np.ndarray,
    cleaned: Cleaned,
    policy: Policy,
    *,
    strength: float,
    per_class: int,
    seed: int,
    original_levels: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The images at `rows` and copies of them up to `per_class` in each class, as the network sees them."""
    difficulty = np.full(len(rows), np.nan) if cleaned.difficulty is None else cleaned.difficulty[rows]
    packed = packed_with_copies(
        released.paths[rows],
        [released.files[row] for row in rows],
        cleaned.labels[rows],
        difficulty,
        per_class=per_class,
        policy=policy,
        strength=strength,
        seed=seed,
        original_levels=original_levels,
    )
    return pool.shrunk(packed["image_bytes"].tolist()), packed["label"].to_numpy()


ROWS: dict[str, Row] = {
    "raw": Row("the released images with their labels as given", 0.64463, as_given),
    "hydra": Row("raw, less what HyDRA's rule drops", 0.67562, by_hydra),
    "hydra+random": Row("and random copies to 9,150", 0.75165, by_hydra, random_copies()),
    "hydra+faa": Row("and Faster AutoAugment's copies in their place", 0.80950, by_hydra, searched_copies()),
    "hydra+faa+invert": Row(
        "and a quarter of the copies inverted", 0.82603, by_hydra, searched_copies(invert=INVERTED)
    ),
    "label-issues": Row("winnow's label issues instead of HyDRA, no copies", None, by_label_issues),
    "label-issues+random": Row("and random copies to 9,150", None, by_label_issues, random_copies()),
    "label-issues+random+strokes": Row(
        "and strokes thicker or thinner", None, by_label_issues, random_copies(strokes=STROKES)
    ),
    "label-issues+random+invert": Row(
        "and a quarter of the copies inverted", None, by_label_issues, random_copies(invert=INVERTED)
    ),
    "rounds": Row("two rounds on an encoder of its own, no copies", None, by_rounds),
    "rounds+random+invert": Row(
        "and random copies to 9,150, a quarter inverted", None, by_rounds, random_copies(invert=INVERTED)
    ),
    "rounds+random": Row("two rounds, random copies to 9,150", None, by_rounds, random_copies()),
    "rounds+random+val": Row(
        "two rounds, all but 20 validation images a class trained on, random copies to 9,750",
        None,
        by_rounds,
        random_copies(),
        validation=FEW,
        drawn_from=("val",),
    ),
    "label-issues+random+drawn": Row(
        "label issues, the epoch by 20 images a class of both splits, random copies to 9,750",
        None,
        by_label_issues,
        random_copies(),
        validation=FEW,
    ),
    "label-issues+random+drawn+copies": Row(
        "the epoch by 120 images a class, 20 of both splits and copies of them, random copies to 8,800",
        None,
        by_label_issues,
        random_copies(),
        validation=FEW,
        validation_with_copies=VALIDATING,
    ),
    "label-issues+random+drawn+elastic": Row(
        "and bent besides",
        None,
        by_label_issues,
        random_copies(strokes=("elastic",)),
        validation=FEW,
    ),
    "label-issues+random+drawn+sizes": Row(
        "random copies to 9,750 as much larger or smaller as the images differ in size",
        None,
        by_label_issues,
        random_copies(sizes=SIZES),
        validation=FEW,
    ),
    "label-issues+random+drawn+levels": Row(
        "random copies to 9,750 with no other grey levels than their originals",
        None,
        by_label_issues,
        random_copies(),
        validation=FEW,
        original_levels=True,
    ),
    "label-issues+faa2+drawn": Row(
        "two sub-policies of Faster AutoAugment for every copy in place of random ones",
        None,
        by_label_issues,
        searched_copies(in_a_row=2),
        validation=FEW,
    ),
    "rounds+random+drawn": Row(
        "two rounds, the epoch by 20 images a class of both splits, random copies to 9,750",
        None,
        by_rounds,
        random_copies(),
        validation=FEW,
    ),
    "rounds+faa2+drawn+edges": Row(
        "two sub-policies of Faster AutoAugment for every copy in their place, more copies of edge cases",
        None,
        by_rounds,
        searched_copies(in_a_row=2),
        strength=1.0,
        validation=FEW,
    ),
    "full": Row(
        "two rounds, Faster AutoAugment, a quarter inverted, more copies of edge cases",
        0.84711,
        by_rounds,
        searched_copies(invert=INVERTED),
        strength=1.0,
    ),
    "oracle": Row("one person's audit instead, no copies; no method of winnow's", None, oracle),
    "oracle+random+drawn": Row(
        "and the epoch by 20 images a class of both splits, random copies to 9,750",
        None,
        oracle,
        random_copies(),
        validation=FEW,
    ),
}


@dataclass(frozen=True)
class Chosen:
    """What a row's cleaning leaves, the images trained on and those that choose the epoch, and the policy of copies."""

    cleaned: Cleaned
    train: np.ndarray
    val: np.ndarray
    policy: Policy | None


def cleaned_and_searched(name: str, released: Numerals, audit: Path, *, state: Path) -> Chosen:
    """All that a row needs but its copies; what took long is kept in the state's folder."""
    row = ROWS[name]
    state.mkdir(parents=True, exist_ok=True)
    cleaned = row.clean(released, audit, state)
    train, val = (np.flatnonzero((released.split == split) & (cleaned.labels >= 0)) for split in ("train", "val"))
    if row.validation is not None:
        rows = np.flatnonzero(np.isin(released.split, row.drawn_from) & (cleaned.labels >= 0))
        files = [released.files[at] for at in rows]
        drawn = drawn_of_each_class(files, cleaned.labels[rows], row.validation, class_names=CLASS_NAMES)
        kept, val = np.concatenate([train, val]), rows[drawn]
        train = np.setdiff1d(kept, val)
    return Chosen(cleaned, train, val, row.copies(released, cleaned, train, state) if row.copies else None)


def prepare(name: str, released: Numerals, audit: Path, *, state: Path) -> Prepared:
    """A row's data; copies are kept in the state's folder."""
    row, chosen = ROWS[name], cleaned_and_searched(name, released, audit, state=state)

    def part(at: np.ndarray, kind: str, per_class: int | None, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        if chosen.policy is None or per_class is None:
            return shrunk([released.images[image] for image in at]), chosen.cleaned.labels[at]
        file = state / name / f"{kind}.npz"
        if not file.exists():
            options |= {"per_class": per_class, "original_levels": row.original_levels}
            pixels, given = with_copies(released, at, chosen.cleaned, chosen.policy, **options)
            file.parent.mkdir(parents=True, exist_ok=True)
            tables.write_arrays(file, pixels=pixels, labels=given)
        arrays = tables.read_arrays(file)
        return arrays["pixels"], arrays["labels"]

    training = part(chosen.train, "training", row.per_class, strength=row.strength, seed=0)
    validation = part(chosen.val, "validation", row.validation_with_copies, strength=0.0, seed=1)
    assert len(training[1]) + len(validation[1]) <= MOST_IMAGES
    return Prepared(*training, *validation)
