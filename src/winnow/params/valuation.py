"""Data valuation: what each image does to a network that is trained on it."""

from pydantic import Field, model_validator

from winnow.params.section import Count, Positive, Section, Seed


class Valuation(Section):
    """What each image does to a network: one training with checkpoints per seed."""

    enabled: bool = Field(
        description="Whether images are valued. In the main pipeline what people write into `data/review` values them "
        "anew, as it may change the reference."
    )
    network: str = Field(
        description="What is trained: `small` or `competition`, at 32 pixels, or `resnet34`. Any network whose layers "
        "are linear, plain convolutions or batch normalisation; its gradient is held for every reference image "
        "(`resnet34`: 85 MB each)."
    )
    epochs: Count = Field(description="Epochs of the training that is followed.")
    batch_size: int = Field(ge=2, description="Images per step.")
    learning_rate: Positive = Field(description="Of SGD; falls along a cosine.")
    momentum: float = Field(ge=0, lt=1, description="Of SGD.")
    checkpoints: list[int] = Field(min_length=1, description="The epochs after which all images are scored, rising.")
    recalibration_images: int = Field(
        ge=2, description="Images that set batch normalisation's statistics anew at each checkpoint."
    )
    exact: bool = Field(
        description="Whether the exact derivative is taken besides. It has the curvature that HyDRA leaves out, goes "
        "through the training backwards, four to seven times as long, and needs disk space for the weights at each "
        "step of an epoch (`resnet34`: 85 MB each)."
    )
    seeds: list[Seed] = Field(min_length=1, description="One training each; scores are means over them.")

    @model_validator(mode="after")
    def _checkpoints_rise(self) -> "Valuation":
        rising = sorted(set(self.checkpoints)) == self.checkpoints
        if not rising or self.checkpoints[0] < 0 or self.checkpoints[-1] >= self.epochs:
            raise ValueError(f"checkpoints must rise from 0 on and stay below epochs, {self.epochs}")
        return self
