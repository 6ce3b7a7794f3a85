"""The section `valuation` of the params as arguments of `value_images`."""

from typing import Any

from winnow.models.recipe import Recipe
from winnow.params.valuation import Valuation


def options_of(valuation: Valuation) -> dict[str, Any]:
    """`network`, `recipe`, `checkpoints`, `recalibration_images`, `exact` and `seeds`."""
    recipe = valuation.model_dump(include={"epochs", "batch_size", "learning_rate", "momentum"})
    others = valuation.model_dump(include={"network", "checkpoints", "recalibration_images", "exact", "seeds"})
    return {"recipe": Recipe(**recipe), **others}
