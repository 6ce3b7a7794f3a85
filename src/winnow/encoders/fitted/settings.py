"""What the settings of all encoders that are fitted on the data have in common."""

from dataclasses import dataclass

from winnow.encoders.fitted.augmentation import Augmentation


@dataclass(frozen=True, kw_only=True)
class FittedSettings:
    """How the networks of one encoder are trained.

    Attributes:
        folds: networks to train, at least 2.
        epochs: passes over the data for each.
        input_size: side of the images that the networks see.
        learning_rate: highest of the one cycle it runs through.
        label_smoothing: share of the target that is spread over all classes, [0, 1).
        shift, mirror, zoom, color: of `Augmentation`.
        seed: of folds, weights and batches.
    """

    folds: int
    epochs: int
    input_size: int
    learning_rate: float
    label_smoothing: float
    shift: float
    mirror: bool
    zoom: float
    color: float
    seed: int

    @property
    def augmentation(self) -> Augmentation:
        """How images are varied in each step."""
        return Augmentation(shift=self.shift, mirror=self.mirror, zoom=self.zoom, color=self.color)
