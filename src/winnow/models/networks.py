"""Networks by name: the project's own, and all image classifiers of torchvision and timm; all with random weights.

`resnet34` is ResNet-34 as the course's grader has it, `competition` the network of the Data-Centric AI competition,
`small` one that is trained in seconds; `torchvision:<name>` and `timm:<name>` are the two libraries'
(`torchvision:mobilenet_v3_small`, `timm:resnet18d`). A network of the project's own is a line in `NETWORKS`.

Importing this module costs nothing: a library, which takes seconds, is imported when one of its networks is named.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from winnow.errors import WinnowError, first_sentence, unknown_model

if TYPE_CHECKING:
    from torch import nn

_KEY = "train.network"


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that can be built for any number of classes.

    Attributes:
        name: as `find_network` takes it.
        construct: from K to a module with random weights that maps (B, 3, H, W) to (B, K) logits.
        input_size: side in pixels of the images that it was designed for. Most networks take others too.
        mean, std: per channel, of values in [0, 1], by which its input is normalised; None for values as they are.
        steps_alike: whether it computes the same kernels in every training step, whatever Python's state: then a GPU
            may replay a recorded step.
    """

    name: str
    construct: "Callable[[int], nn.Module]"
    input_size: int
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    steps_alike: bool = False

    def build(self, num_classes: int) -> "nn.Module":
        """A module with random weights that maps (B, 3, H, W) float32 in [0, 1] to (B, `num_classes`) logits."""
        from winnow.models.normalised import Normalised

        network = self.construct(num_classes)
        if self.mean is None or self.std is None:
            return network
        return Normalised(network, self.mean, self.std)

    def check_image_size(self, network: "nn.Module", height: int, width: int, *, key: str = _KEY) -> None:
        """Try `build`'s result on one black image; `key` of params.yaml named it.

        Raises:
            WinnowError: if it does not take images of that size.
        """
        import torch

        try:
            with torch.inference_mode():
                network.eval()(torch.zeros(1, 3, height, width))
        except (RuntimeError, AssertionError, ValueError) as error:
            raise WinnowError(
                f"{key} is {self.name}, which takes no images of {width} x {height} pixels "
                f"({first_sentence(error)}); it was designed for {self.input_size} x {self.input_size}: name another."
            ) from None


def _resnet34(num_classes: int) -> "nn.Module":
    """He et al. 2016, arXiv 1512.03385."""
    import torchvision.models

    network: nn.Module = torchvision.models.resnet34(weights=None, num_classes=num_classes)
    return network


def _competition(num_classes: int) -> "nn.Module":
    from winnow.models.competition import CompetitionNetwork

    return CompetitionNetwork(num_classes)


def _small(num_classes: int) -> "nn.Module":
    from winnow.models.small_resnet import SmallClassifier

    return SmallClassifier(num_classes)


NETWORKS: dict[str, Network] = {
    "resnet34": Network(name="resnet34", construct=_resnet34, input_size=64, steps_alike=True),
    "competition": Network(name="competition", construct=_competition, input_size=32, steps_alike=True),
    "small": Network(name="small", construct=_small, input_size=32, steps_alike=True),
}


def list_networks(pattern: str = "*") -> list[str]:
    """The names that `find_network` takes and that fit a pattern such as `timm:*resnet*`, sorted."""
    names = [*NETWORKS, *(f"{library}:{name}" for library, known in _LIBRARIES.items() for name in known.names())]
    return sorted(name for name in names if fnmatch(name, pattern))


def find_network(name: str, *, key: str = _KEY) -> Network:
    """The network of that name, which `key` of params.yaml gives.

    Raises:
        WinnowError: if there is none.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    library, _, model = name.partition(":")
    known = _LIBRARIES.get(library)
    if known and model in known.names():
        return known.network(model)
    raise unknown_model(name, list_networks(f"{library}:*" if known else "*"), key=key, library="winnow")


def check_network(name: str, *, image_size: int, key: str = _KEY) -> None:
    """Look a network up that `key` names, and try it on one black image where it was designed for another size.

    Raises:
        WinnowError: if there is no network of that name, or it does not take images of `image_size` pixels a side.
    """
    network = find_network(name, key=key)
    if network.input_size != image_size:
        network.check_image_size(network.build(2), image_size, image_size, key=key)


@dataclass(frozen=True)
class _Library:
    names: Callable[[], list[str]]
    network: Callable[[str], Network]


def _torchvision_names() -> list[str]:
    import torchvision.models

    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def _torchvision_network(model: str) -> Network:
    import torchvision.models

    # The two with auxiliary classifiers, which give more than logits while they are trained.
    options = {"aux_logits": False, "init_weights": True} if model in ("googlenet", "inception_v3") else {}

    def construct(num_classes: int) -> "nn.Module":
        network: nn.Module = torchvision.models.get_model(model, weights=None, num_classes=num_classes, **options)
        return network

    preprocessing = torchvision.models.get_model_weights(model).DEFAULT.transforms()
    return Network(
        name=f"torchvision:{model}",
        construct=construct,
        input_size=preprocessing.crop_size[0],
        mean=tuple(preprocessing.mean),
        std=tuple(preprocessing.std),
    )


def _timm_names() -> list[str]:
    import timm

    return timm.list_models()


def _timm_network(model: str) -> Network:
    import timm

    def construct(num_classes: int) -> "nn.Module":
        return timm.create_model(model, pretrained=False, num_classes=num_classes)

    published = timm.get_pretrained_cfg(model)
    assert published is not None  # every name of `list_models` has one
    return Network(
        name=f"timm:{model}",
        construct=construct,
        input_size=published.input_size[-1],
        mean=tuple(published.mean),
        std=tuple(published.std),
    )


_LIBRARIES = {
    "torchvision": _Library(_torchvision_names, _torchvision_network),
    "timm": _Library(_timm_names, _timm_network),
}
