"""The shape of params.yaml: every key, its type and its range.

Numbers must be numbers (YAML reads `1e-05` as a string: that is refused, not guessed at) and unknown keys are refused,
so a misspelt threshold never runs silently at its default: there are no defaults.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from winnow.errors import WinnowError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
Channels = Annotated[list[float], Field(min_length=3, max_length=3)]
# As in winnow.detect.faults.image_faults, which takes long to import.
ImageFault = Literal["dark", "light", "low_information", "blurry", "grayscale", "odd_size", "odd_aspect_ratio"]
# As in winnow.augmentation.policy.operations, which takes long to import.
Operation = Literal[
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "flip",
    "invert",
    "solarize",
    "posterize",
    "color",
    "contrast",
    "brightness",
    "sharpness",
    "auto_contrast",
    "equalize",
    "cutout",
]


class Section(BaseModel):
    """A frozen part of params.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Data(Section):
    archive: str
    test_archive: str
    truth: str
    outside_photos: str
    split: str | None
    test_split: str | None
    class_names: list[str]
    image_size: Annotated[int, Field(ge=12, le=1024)]
    max_unpacked_gb: Positive

    @model_validator(mode="after")
    def _class_names_differ(self) -> "Data":
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError("class_names must differ from one another")
        return self


class Sample(Section):
    seed: Seed
    label_noise: Annotated[float, Field(ge=0, le=0.45)]
    ood_share: Annotated[float, Field(ge=0, le=0.5)]
    exact_duplicates: Annotated[int, Field(ge=0)]
    near_duplicates: Annotated[int, Field(ge=0)]


class OpenClipEncoder(Section):
    model: str
    pretrained: str
    input_size: Count
    mean: Channels
    std: Channels
    prompts: Annotated[list[Annotated[str, Field(pattern=r"\{\}")]], Field(min_length=1)]
    negatives: Annotated[list[str], Field(min_length=1)]


class TimmEncoder(Section):
    model: str
    checkpoint: str | None
    pad_type: Literal["same"] | None
    input_size: Count
    more_input_sizes: list[Count]
    mean: Channels
    std: Channels


class TrainedEncoder(Section):
    folds: Annotated[int, Field(ge=2)]
    epochs: Count
    width: Count
    input_size: Count
    learning_rate: Positive
    seed: Seed


class Embed(Section):
    encoder: Literal["open_clip", "timm", "trained"]
    batch_size: Count
    flip: bool
    open_clip: OpenClipEncoder
    timm: TimmEncoder
    trained: TrainedEncoder


class Duplicates(Section):
    max_hash_distance: Annotated[int, Field(ge=0, le=32)]
    min_similarity: Annotated[float, Field(ge=-1, le=1)]


class Crossval(Section):
    folds: Annotated[int, Field(ge=3)]
    l2_candidates: Annotated[list[Positive], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)]


class LabelIssues(Section):
    neighbours: Count


class Ood(Section):
    neighbours: Count
    trim: Annotated[float, Field(ge=0, lt=0.9)]


class Map(Section):
    method: Literal["umap", "pca"]
    neighbours: Annotated[int, Field(ge=2)]
    min_distance: Annotated[float, Field(ge=0, lt=1)]
    seed: Seed


class Curate(Section):
    label_quality_threshold: Share
    relabel_confidence: Share
    relabel_sources: Count
    ood_threshold: Share
    ood_detectors: Count
    drop_near_duplicates: bool
    drop_image_faults: list[ImageFault]
    class_floor: Annotated[int, Field(ge=0)]


class SelfCheck(Section):
    enabled: bool
    label_flips: Annotated[float, Field(ge=0, le=0.5)]
    ood: Annotated[float, Field(ge=0, le=0.2)]
    duplicates: Annotated[float, Field(ge=0, le=0.2)]
    seed: Seed


class Validation(Section):
    per_class: Count
    max_total: Annotated[int, Field(ge=10, le=1000)]
    min_label_quality: Share
    max_ood_score: Share
    seed: Seed


class PolicySearch(Section):
    enabled: bool
    images: Annotated[int, Field(ge=4)]
    sub_policies: Count
    length: Count
    epochs: Count
    batch_size: Annotated[int, Field(ge=4)]
    learning_rate: Positive
    classification_weight: Annotated[float, Field(ge=0)]
    diversity: Annotated[float, Field(ge=0)]
    critic_width: Annotated[int, Field(ge=4, multiple_of=4)]
    operations: Annotated[list[Operation], Field(min_length=1)]
    seed: Seed

    @model_validator(mode="after")
    def _operations_differ(self) -> "PolicySearch":
        if len(set(self.operations)) != len(self.operations):
            raise ValueError("operations must differ from one another")
        return self


class Techniques(Section):
    flip: NotNegative
    crop: NotNegative
    flip_crop: NotNegative
    rotation: NotNegative
    color: NotNegative
    oversampling: NotNegative
    mixup: NotNegative
    cutmix: NotNegative
    trivial_augment: NotNegative
    augmix: NotNegative
    faster_autoaugment: NotNegative


class EdgeCases(Section):
    strength: NotNegative
    min_label_quality: Share
    max_ood_score: Share


class Augment(Section):
    budget: Annotated[int, Field(ge=1, le=50_000)]
    balance: Literal["equal", "effective_number", "none"]
    effective_number_beta: Annotated[float, Field(ge=0, lt=1)]
    max_copies_per_image: Annotated[int, Field(ge=0)]
    edge_cases: EdgeCases
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    techniques: Techniques
    seed: Seed

    @model_validator(mode="after")
    def _some_technique(self) -> "Augment":
        if self.max_copies_per_image and not any(self.techniques.model_dump().values()):
            raise ValueError("techniques all weigh 0; give one a weight, or set max_copies_per_image to 0")
        return self


class Submission(Section):
    team: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class CourseRecipe(Section):
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    momentum: Annotated[float, Field(ge=0, lt=1)]


class FastRecipe(CourseRecipe):
    weight_decay: NotNegative
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    average_decay: Annotated[float, Field(ge=0, lt=1)]


class Train(Section):
    recipe: Literal["course", "fast"]
    course: CourseRecipe
    fast: FastRecipe
    patience: Count | None
    precision: Literal["auto", "float32", "bfloat16"]
    compile: bool
    seeds: Annotated[list[Seed], Field(min_length=1)]

    @model_validator(mode="after")
    def _seeds_differ(self) -> "Train":
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds must differ from one another")
        return self


class Evaluate(Section):
    batch_size: Count


class Params(Section):
    data: Data
    sample: Sample
    embed: Embed
    duplicates: Duplicates
    crossval: Crossval
    label_issues: LabelIssues
    ood: Ood
    map: Map
    curate: Curate
    self_check: SelfCheck
    validation: Validation
    policy_search: PolicySearch
    augment: Augment
    submission: Submission
    train: Train
    evaluate: Evaluate

    @model_validator(mode="after")
    def _policy_for_faster_autoaugment(self) -> "Params":
        if self.augment.techniques.faster_autoaugment and not self.policy_search.enabled:
            raise ValueError(
                "augment.techniques.faster_autoaugment has a weight, but no policy is searched; set "
                "policy_search.enabled to true, or the weight to 0"
            )
        return self


def read_yaml(path: str | Path, *, missing: str) -> Any:
    """What the file holds.

    Args:
        path: the file.
        missing: what to say behind the path where there is no such file, with the mend.

    Raises:
        WinnowError: if the file is missing, cannot be read, or is no UTF-8 text or no YAML.
    """
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WinnowError(f"{path} {missing}") from None
    except OSError as error:
        raise WinnowError(f"{path} cannot be read ({error.strerror}); name a YAML file.") from None
    except UnicodeDecodeError as error:
        raise WinnowError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 1}" if place else ""
        raise WinnowError(f"{path} is not valid YAML{where}; mend the indentation or quoting there.") from None


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check all of params.yaml.

    Raises:
        WinnowError: if the file is missing, is not YAML, or a value is unknown, missing, of the wrong type or range;
            the message names the key and the value.
    """
    content = read_yaml(path, missing="is missing; run from the repository's root, or copy one from configs/.")
    if not isinstance(content, dict):
        raise WinnowError(f"{path} holds no sections; copy one from configs/ or restore it with git.")
    return check_content(content, str(path))


def check_content(content: dict[str, Any], where: str) -> Params:
    """Check what a params file holds; `where` begins the error's message. Raises WinnowError as `load_params` does."""
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise WinnowError(_sentence(where, error)) from None


def check_inputs(params: Params, *, built: set[str]) -> None:
    """Check that the files which `params` names are there, before a long run finds out.

    Args:
        params: as `load_params` returns them; paths are relative to the working directory.
        built: paths that the pipeline makes itself.

    Raises:
        WinnowError: naming the key, the path and the mend, for the first that is not there.
    """
    wanted = {
        "data.archive": (params.data.archive, "put the archive there, or name another"),
        "data.test_archive": (params.data.test_archive, "put it there, or set it to data/none"),
        "data.truth": (params.data.truth, "put it there, or set it to data/none"),
        "data.outside_photos": (params.data.outside_photos, "put the photos there, or set it to data/none"),
    }
    pretrained = params.embed.open_clip.pretrained
    if params.embed.encoder == "open_clip" and "/" in pretrained:
        wanted["embed.open_clip.pretrained"] = (pretrained, "put the weights there, or name a tag of open_clip")
    if params.embed.encoder == "timm" and params.embed.timm.checkpoint is not None:
        wanted["embed.timm.checkpoint"] = (params.embed.timm.checkpoint, "put the weights there, or set it to null")
    for key, (path, mend) in wanted.items():
        if path not in (*built, "data/none") and not Path(path).exists():
            raise WinnowError(f"{key} is {path}, which does not exist; {mend}.")


def _sentence(path: str | Path, error: ValidationError) -> str:
    problems = []
    for item in error.errors()[:3]:
        key = ".".join(str(part) for part in item["loc"])
        match item["type"]:
            case "extra_forbidden":
                problems.append(f"{key} is no parameter of winnow (misspelt?)")
            case "missing":
                problems.append(f"{key} is missing")
            case "value_error":  # of a section's keys together, said in words of our own
                words = str(item["ctx"]["error"])
                problems.append(f"{key}: {words}" if key else words)
            case _:
                problems.append(f"{key} is {_shown(item['input'])}: {item['msg'][0].lower()}{item['msg'][1:]}")
    more = len(error.errors()) - len(problems)
    return f"{path}: " + "; ".join(problems) + (f"; and {more} more" if more > 0 else "") + "; see docs/params.md."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
