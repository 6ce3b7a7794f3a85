"""All of the main pipeline's params.yaml, and any part of all that winnow's pipelines know."""

from typing import Any

from pydantic import create_model, model_validator
from pydantic.fields import FieldInfo

from winnow.params.augmentation import Augment, PolicySearch, Submission
from winnow.params.curation import Curate, Validation
from winnow.params.dataset import Data, Sample
from winnow.params.detectors import Crossval, Duplicates, LabelIssues, Map, Ood, SelfCheck
from winnow.params.encoders import Embed
from winnow.params.pipelines import PIPELINES
from winnow.params.section import Section
from winnow.params.training import Evaluate, QuickCheck, Train
from winnow.params.valuation import Valuation


class Params(Section):
    """All of params.yaml."""

    data: Data
    sample: Sample
    embed: Embed
    duplicates: Duplicates
    crossval: Crossval
    label_issues: LabelIssues
    ood: Ood
    map: Map
    valuation: Valuation
    curate: Curate
    self_check: SelfCheck
    validation: Validation
    policy_search: PolicySearch
    augment: Augment
    submission: Submission
    quick_check: QuickCheck
    train: Train
    evaluate: Evaluate

    @model_validator(mode="after")
    def _values_for_the_rule(self) -> "Params":
        if self.curate.points_harmed and not self.valuation.enabled:
            raise ValueError(
                f"curate.points_harmed is {self.curate.points_harmed}, but no image is valued; set valuation.enabled "
                "to true, or points_harmed to 0"
            )
        return self

    @model_validator(mode="after")
    def _policy_for_faster_autoaugment(self) -> "Params":
        if self.augment.techniques.faster_autoaugment and not self.policy_search.enabled:
            raise ValueError(
                "augment.techniques.faster_autoaugment has a weight, but no policy is searched; set "
                "policy_search.enabled to true, or the weight to 0"
            )
        return self


def known_sections() -> dict[str, FieldInfo]:
    """Every section of winnow's by name: those of the main pipeline, then what other pipelines have beside them."""
    models: list[type[Section]] = [Params, *PIPELINES.values()]
    return {name: field for model in models for name, field in model.model_fields.items()}


def some_sections(required: frozenset[str]) -> type[Section]:
    """A model of params.yaml in which the sections beyond `required` may be left out, and are None then."""
    fields: dict[str, Any] = {}
    for name, field in known_sections().items():
        annotation: Any = field.annotation
        fields[name] = (annotation, ...) if name in required else (annotation | None, None)
    return create_model("SomeParams", __base__=Section, **fields)
