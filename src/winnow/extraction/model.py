"""What the loaders of networks give, whichever kind of model string named it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from winnow.errors import WinnowError, first_sentence, in_words

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, which most networks are trained with
INPUT_SIZE = 224
_NO_FIT = "name one that takes such images, or make them fit with input_size or a script's preprocess()"


@contextmanager
def foreign(failure: str, remedy: str) -> Iterator[None]:
    """Within it runs code that is not winnow's, whose errors are one sentence: no defect of winnow lies in them.

    Args:
        failure: what fails, the beginning of the sentence.
        remedy: its end.

    Raises:
        WinnowError: if the code raises an error that does not pass.
    """
    try:
        yield
    except Exception as error:
        if passes(error):
            raise
        raise WinnowError(
            f"{failure}: {type(error).__name__}: {first_sentence(error).rstrip('.')}; {remedy}."
        ) from error


def passes(error: Exception) -> bool:
    """Whether an error is not of the code that it came out of: it has words already, or the memory is used up."""
    return in_words(error) is not None or any(words in str(error) for words in ("out of memory", "allocate memory"))


@dataclass(frozen=True)
class Model:
    """A network and how it wants its images.

    Attributes:
        network: any module, in evaluation mode.
        prepare: an RGB image of any size to the (3, H, W) float32 tensor that the network takes.
        takes_list: whether the network takes a list of images, as torchvision's detectors do, and not a batch.
        fingerprint: all that decides its features but for the layer; JSON values only.
    """

    network: nn.Module
    prepare: Callable[[Image.Image], torch.Tensor]
    takes_list: bool = False
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    def run(self, images: list[torch.Tensor]) -> Any:
        """One forward pass of a batch.

        Raises:
            WinnowError: if the network fails.
        """
        device = next((parameter.device for parameter in self.network.parameters()), torch.device("cpu"))
        shape = "x".join(str(size) for size in images[0].shape)
        with foreign(f"the network fails on images of {shape}", _NO_FIT):
            if self.takes_list:
                return self.network([image.to(device) for image in images])
            return self.network(torch.stack(images).to(device))


@dataclass(frozen=True)
class Square:
    """Preparation of most classifiers: the whole image resized to a square, bicubic, and normalised per channel."""

    size: int = INPUT_SIZE
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD

    def __call__(self, image: Image.Image) -> torch.Tensor:
        pixels = _pixels(image.resize((self.size, self.size), Image.Resampling.BICUBIC))
        return (pixels - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]

    def fingerprint(self) -> dict[str, Any]:
        return {"input_size": self.size, "mean": list(self.mean), "std": list(self.std)}


def own_size(image: Image.Image) -> torch.Tensor:
    """Preparation of torchvision's detectors, which resize by themselves: values in [0, 1]."""
    return _pixels(image)


def _pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 255
