"""The pipeline `shift`: why accuracy differs between two test sets."""

from pydantic import Field

from winnow.params.section import Section, Seed, Share


class ShiftSample(Section):
    """The built-in sample of `shift`: printed digits, one training set and two test sets, with planted causes."""

    seed: Seed = Field(description="Seed of all pictures and of all that is planted.")
    rows: int = Field(ge=100, description="Pictures in each of the three sets.")
    leaked: Share = Field(description="Share of set A that are copies of training pictures.")
    wrong_labels: Share = Field(description="Share of set B with a wrong label.")
    hard_share: Share = Field(
        description="Share of set B in the three classes that look alike. Without a shift it is 0.3."
    )
    blurred: bool = Field(description="Whether one class is blurred in set B.")


class ShiftParams(Section):
    """All of pipelines/shift/params.yaml."""

    shift_sample: ShiftSample
