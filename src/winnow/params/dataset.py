"""What comes in: `data` and `sample`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from winnow.params.section import Positive, Section, Seed


class Data(Section):
    """What comes in."""

    archive: str = Field(
        description="Path of the dataset: a folder, zip, tar or table. A table (CSV, TSV, JSONL, Parquet) has a column "
        "of files, or of images, and one of labels, or no other."
    )
    layout: Literal["auto", "table", "paths", "course", "webdataset", "voc", "coco", "yolo", "flat", "imagefolder"] = (
        Field(
            description="What it looks like. `auto` is the first of the others that fits. Images of `paths` (a "
            "table of files alone), `voc`, `coco`, `yolo` and `flat` have no labels: what needs labels is skipped."
        )
    )
    test_archive: str = Field(
        description="Path of a clean test set in the same layouts, or data/none. Only `evaluate` reads it."
    )
    test_sets: str = Field(
        description="Path of a folder with more test sets, or data/none. Each folder or archive in it is a test set of "
        "that name, read as the test archive is; `evaluate` measures every one, and says why they differ, two by two."
    )
    truth: str = Field(
        description="Path of a truth file for the scorecard, or data/none. A CSV "
        "`image_id,true_label,is_ood,duplicate_of`; any column but the first may be absent."
    )
    outside_photos: str = Field(
        description="Path of external photos for the validation set, or data/none. A folder, zip or tar of "
        "`<class>/<photo>`; people choose among them."
    )
    reference: str = Field(
        description="Path of a few images whose labels people trust, or data/none. In the same layouts; only "
        "`value_images` reads it, and trains on none of it."
    )
    reference_per_class: int = Field(
        ge=1,
        description="Images of a class that are the reference where there is none. All of the dataset that people "
        "confirmed in `data/review/validation.csv`, of a class without any so many of the highest label quality.",
    )
    split: str | None = Field(
        description="For an ImageFolder with `<split>/<label>/<file>`, the split to read; null takes `train`. Of "
        "images without labels null takes all."
    )
    test_split: str | None = Field(
        description="Split of the test archive, likewise. Both archives may be the same file."
    )
    class_names: list[str] = Field(
        description="One name per class, in label order; [] derives them. Derived names are `0`, `1`, … or those of "
        "the folders, sorted. Zero-shot uses the names: in CLIP's prompts, or to find ImageNet's labels (`timm`). Put "
        "names that YAML reads as something else in quotes: `'yes'`, `'no'`, `'7'`."
    )
    image_size: int | None = Field(
        ge=12,
        le=1024,
        description="Width and height in pixels of every image; null keeps each at its own. Others are resized, and "
        "recorded. At their own size images are scored as they came, and take as much room in the workspace.",
    )
    train_size: int = Field(
        ge=12,
        le=1024,
        description="Width and height of what is trained on, where `image_size` is null. Those are the training, "
        "validation and test sets and the submission; else they have `image_size`.",
    )
    min_images_per_class: int = Field(
        ge=0,
        description="Classes with fewer readable images are left out. 0 leaves none out; a class that is too small to "
        "train on and to validate with stops the run.",
    )
    max_unpacked_gb: Positive = Field(description="GiB; an archive that would unpack to more is refused.")

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        return {
            "archive": (self.archive, "put the archive there, or name another"),
            "test_archive": (self.test_archive, "put it there, or set it to data/none"),
            "test_sets": (self.test_sets, "put it there, or set it to data/none"),
            "truth": (self.truth, "put it there, or set it to data/none"),
            "reference": (self.reference, "put it there, or set it to data/none"),
            "outside_photos": (self.outside_photos, "put the photos there, or set it to data/none"),
        }

    @model_validator(mode="after")
    def _class_names_differ(self) -> "Data":
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError("class_names must differ from one another")
        if any(not name.strip() for name in self.class_names):
            raise ValueError("class_names holds an empty name; write the name of the class")
        return self


class Sample(Section):
    """The built-in dataset: handwritten digits with planted faults."""

    seed: Seed = Field(description="Seed of everything that is planted.")
    label_noise: float = Field(
        ge=0, le=0.45, description="Share of flipped labels. Half go to the next class, half to any."
    )
    ood_share: float = Field(ge=0, le=0.5, description="Share of out-of-distribution crops.")
    exact_duplicates: int = Field(ge=0, description="Exact copies to plant. Some have conflicting labels.")
    near_duplicates: int = Field(ge=0, description="Near copies to plant. Some have conflicting labels.")
