"""Image models of the timm library: pooled features, and class probabilities from their ImageNet classifier."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from timm.data.config import resolve_model_data_config
from timm.data.imagenet_info import infer_imagenet_subset
from torch import nn

from winnow.encoders.backbone import Backbone
from winnow.encoders.frozen.checkpoints import CHECKPOINT_ERRORS, existing_checkpoint, file_sha256
from winnow.encoders.frozen.hub import cache_folder, quick_hub, why_no_download
from winnow.encoders.frozen.imagenet_names import imagenet_descriptions, match_names
from winnow.encoders.frozen.network import FrozenNetwork
from winnow.encoders.preprocess import preprocess, warn_on_preprocessing_mismatch
from winnow.encoders.weights import weights_sha256
from winnow.encoders.zero_shot import ZeroShot, zero_shot_from_logits
from winnow.errors import WinnowError, first_sentence, unknown_model

_REMEDY = "name a checkpoint file in embed.timm.checkpoint, or set embed.encoder to trained."


def check_model(model: str) -> None:
    """Raises WinnowError, with the names nearest to it, if timm has no such model."""
    if not timm.is_model(model):
        raise unknown_model(model, timm.list_models(), key="embed.timm.model", library="timm")


def load_timm(
    *,
    model: str,
    checkpoint: str | None,
    pad_type: str | None,
    input_size: int,
    more_input_sizes: Sequence[int] = (),
    mean: Sequence[float],
    std: Sequence[float],
    class_names: Sequence[str],
    device: torch.device,
) -> FrozenNetwork:
    """Load an image model with all its weights, classifier included, and read its pooled features.

    The classifier gives zero-shot probabilities where it is ImageNet-1k's and every class name matches one or more of
    its labels (`match_names`): the probability of a class is the sum of the softmax over its labels.

    Args:
        model: timm's name, for example `mobilenetv2_100`.
        checkpoint: path to local weights, or None for the model's own, downloaded once.
        pad_type: `same` for weights that came from TensorFlow, None for the model's own. A wrong one raises no error,
            here or anywhere: the features only get worse.
        input_size, mean, std: preprocessing; one line is printed where it is not the model's own.
        more_input_sizes: further sizes that each image is encoded at; the features are the mean over all. Small images
            gain by it.
        class_names: K names, in label order; none for features alone.
        device: where the model runs.

    Returns:
        The network, with `zero_shot` where the classifier has labels for all classes.

    Raises:
        WinnowError: if the model is unknown, the weights cannot be had or do not fit, or the model cannot take
            `pad_type` or an input size.
    """
    network, weights = _load(model, checkpoint, pad_type)
    network = network.to(device=device, memory_format=torch.channels_last)
    warn_on_preprocessing_mismatch(
        key="embed.timm",
        model=model,
        given={"input_size": input_size, "mean": mean, "std": std},
        own=_own_preprocessing(network),
    )

    def encode_at(size: int, pixels: np.ndarray) -> torch.Tensor:
        batch = preprocess(pixels, input_size=size, mean=mean, std=std, device=device)
        return _pooled(network, batch)

    sizes = [input_size, *more_input_sizes]
    for size in sizes:
        _try_once(partial(encode_at, size), model, size, key="embed.timm.input_size or more_input_sizes")

    def encode(pixels: np.ndarray) -> torch.Tensor:
        return torch.stack([encode_at(size, pixels).float() for size in sizes]).mean(dim=0)

    zero_shot, no_zero_shot = _zero_shot(network, class_names, input_size, device)
    fingerprint = {
        "encoder": "timm",
        **weights,
        "input_size": input_size,
        "more_input_sizes": list(more_input_sizes),
        "mean": list(mean),
        "std": list(std),
    }
    return FrozenNetwork(
        name="timm",
        fingerprint=fingerprint,
        input_size=max(sizes),
        encode=encode,
        zero_shot=zero_shot,
        no_zero_shot=no_zero_shot,
    )


def load_backbone(
    *,
    model: str,
    checkpoint: str | None,
    pad_type: str | None,
    mean: Sequence[float],
    std: Sequence[float],
    input_size: int,
) -> Backbone:
    """Load an image model that is to learn on, without its classifier.

    Args:
        model, checkpoint, pad_type, mean, std: as in `load_timm`.
        input_size: side of the images that it will see.

    Raises:
        WinnowError: as `load_timm`; also if timm does not know the order of the model's layers.
    """
    network, weights = _load(model, checkpoint, pad_type)

    def encode(pixels: np.ndarray) -> torch.Tensor:
        return _pooled(
            network, preprocess(pixels, input_size=input_size, mean=mean, std=std, device=torch.device("cpu"))
        )

    dimensions = _try_once(encode, model, input_size, key="embed.finetuned.input_size")
    return Backbone(_Pooled(network), dimensions, _layers(network, model), mean, std, weights)


class _Pooled(nn.Module):
    """A model of timm up to its pooled features."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return _pooled(self.network, images)


def _pooled(network: Any, images: torch.Tensor) -> torch.Tensor:
    features: torch.Tensor = network.forward_head(network.forward_features(images), pre_logits=True)
    return features


def _layers(network: Any, model: str) -> list[list[str]]:
    """Names of the parameters of `_Pooled` by layer, from the image on, without the classifier's."""
    if not hasattr(network, "group_matcher"):
        raise WinnowError(f"timm does not know the layers of {model}; choose another embed.timm.model.")
    classifier = {id(parameter) for parameter in network.get_classifier().parameters()}
    used = {name for name, parameter in network.named_parameters() if id(parameter) not in classifier}
    groups = timm.models.group_parameters(network, network.group_matcher(coarse=True))
    layers = [[f"network.{name}" for name in groups[number] if name in used] for number in sorted(groups)]
    return [layer for layer in layers if layer]


def _load(model: str, checkpoint: str | None, pad_type: str | None) -> tuple[Any, dict[str, Any]]:
    """The model with its weights, in evaluation mode, and what tells it from others."""
    check_model(model)
    path = None if checkpoint is None else existing_checkpoint(checkpoint, key="embed.timm.checkpoint")
    network = _with_weights(model, path, pad_type)
    weights = weights_sha256(network.state_dict()) if path is None else file_sha256(path)
    # Batch norm stays in evaluation mode: converted weights may hold placeholders for its running statistics.
    return network.eval(), {"model": model, "weights_sha256": weights, "pad_type": pad_type}


def _with_weights(model: str, checkpoint: Path | None, pad_type: str | None) -> Any:  # its methods are not nn.Module's
    options: dict[str, Any] = {} if pad_type is None else {"pad_type": pad_type}
    with quick_hub() as answers:
        try:
            # The classifier stays, even one that is of no use here: a strict load then finds a wrong file.
            network = timm.create_model(model, pretrained=False, **options)
        except (TypeError, AssertionError) as error:
            raise WinnowError(
                f"embed.timm.pad_type is {pad_type!r}, which {model} does not take ({first_sentence(error)}); "
                "set it to null."
            ) from None
        try:
            if checkpoint is not None:
                timm.models.load_checkpoint(network, str(checkpoint), strict=True, weights_only=True)
            else:
                network = timm.create_model(model, pretrained=True, **options)
        except CHECKPOINT_ERRORS as error:
            if checkpoint is not None:
                raise WinnowError(
                    f"the weights {checkpoint} do not fit timm's {model} ({first_sentence(error)}); "
                    "fix embed.timm.model or embed.timm.checkpoint."
                ) from None
            raise WinnowError(
                f"the weights of timm's {model} could not be had: they are neither in {cache_folder()} nor could "
                f"they be downloaded ({why_no_download(error, answers=answers)}); connect once, or {_REMEDY}"
            ) from None
    return network


def _zero_shot(
    network: Any, class_names: Sequence[str], input_size: int, device: torch.device
) -> tuple[Callable[[np.ndarray], ZeroShot] | None, str]:
    """Zero-shot by the network's own classifier; or None, and why."""
    if not class_names:
        return None, "no class names were given"
    classifier = network.get_classifier()
    if infer_imagenet_subset(network) != "imagenet-1k" or not isinstance(classifier, nn.Linear):
        return None, "the model has no single linear ImageNet-1k classifier"
    with torch.inference_mode():
        grey = torch.zeros(1, 3, input_size, input_size, device=device)
        logits = classifier(network.forward_head(network.forward_features(grey), pre_logits=True))
        if not torch.allclose(logits, network(grey), rtol=1e-3, atol=1e-3):
            return None, "the model does more with the features than classify them"
    class_of_label = match_names(class_names, imagenet_descriptions())
    unknown = [name for index, name in enumerate(class_names) if index not in class_of_label]
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        return None, f"ImageNet-1k has no labels for {', '.join(unknown[:3])}{more}"
    on_cpu = copy.deepcopy(classifier).cpu()

    def zero_shot(features: np.ndarray) -> ZeroShot:
        with torch.inference_mode():
            return zero_shot_from_logits(on_cpu(torch.from_numpy(features)), class_of_label)

    return zero_shot, ""


def _own_preprocessing(network: nn.Module) -> dict[str, Any]:
    own = resolve_model_data_config(network)
    return {"input_size": own["input_size"][-1], "mean": own["mean"], "std": own["std"]}


def _try_once(encode: Callable[[np.ndarray], torch.Tensor], model: str, input_size: int, *, key: str) -> int:
    """Encode one grey image, and count its features: finds a model of a fixed size, or without pooled features, before
    the work starts."""
    grey = np.full((1, input_size, input_size, 3), 128, dtype=np.uint8)
    try:
        with torch.inference_mode():
            shape = encode(grey).shape
    except (AssertionError, RuntimeError) as error:
        raise WinnowError(
            f"timm's {model} does not take images of {input_size} x {input_size} ({first_sentence(error)}); fix {key}."
        ) from None
    if len(shape) != 2:
        raise WinnowError(
            f"timm's {model} gives no pooled features (shape {tuple(shape)}); choose another embed.timm.model."
        )
    return shape[1]
