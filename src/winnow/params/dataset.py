"""What comes in: `data` and `sample`."""

from typing import Annotated

from pydantic import Field, model_validator

from winnow.params.section import Positive, Section, Seed


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
