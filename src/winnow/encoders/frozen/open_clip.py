"""CLIP models of the open_clip library: features of images, and class probabilities from class names alone."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.pretrained import get_pretrained_cfg
from torch.nn import functional

from winnow.encoders.frozen.checkpoints import CHECKPOINT_ERRORS, existing_checkpoint, file_sha256
from winnow.encoders.frozen.hub import cache_folder, quick_hub, why_no_download
from winnow.encoders.frozen.network import FrozenNetwork
from winnow.encoders.preprocess import preprocess, warn_on_preprocessing_mismatch
from winnow.encoders.weights import weights_sha256
from winnow.encoders.zero_shot import ZeroShot, zero_shot_from_logits
from winnow.errors import WinnowError, first_sentence, unknown_model

_REMEDY = "name a checkpoint file in embed.open_clip.pretrained, or set embed.encoder to timm or trained."
_CHECKPOINT_SUFFIXES = {".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".npz"}


def load_open_clip(
    *,
    model: str,
    pretrained: str,
    input_size: int,
    mean: Sequence[float],
    std: Sequence[float],
    prompts: Sequence[str],
    negatives: Sequence[str],
    class_names: Sequence[str],
    device: torch.device,
) -> FrozenNetwork:
    """Load a CLIP model and turn the class names into a zero-shot classifier.

    Zero-shot probabilities are the softmax of the model's logit scale times the cosine between the image and each
    class's mean text embedding over all prompts (Radford et al., arXiv 2103.00020). The negatives take no part in
    `pred_probs`; `in_class_probability` is the classes' share of the softmax over classes and negatives.

    Args:
        model: open_clip's name, for example `ViT-B-32`.
        pretrained: a tag that open_clip lists for the model (downloaded once), or a path to a local checkpoint.
        input_size, mean, std: preprocessing; one line is printed where it is not the model's own.
        prompts: templates with `{}` in the class name's place.
        negatives: words for what is not a class, put into the prompts as class names are.
        class_names: K names, in label order, none for features alone; underscores become blanks.
        device: where the model runs.

    Returns:
        An encoder with `zero_shot`.

    Raises:
        WinnowError: if the model or tag is unknown, a prompt has no `{}`, a negative is a class, or the weights
            cannot be had or do not fit.
    """
    checkpoint, tag = find_weights(model, pretrained)
    for prompt in prompts:
        if "{}" not in prompt:
            raise WinnowError(
                f"embed.open_clip.prompts holds {prompt!r} without {{}}; write {{}} where the class name goes."
            )
    both = {_as_words(name).lower() for name in class_names} & {_as_words(word).lower() for word in negatives}
    if both:
        raise WinnowError(
            f"embed.open_clip.negatives holds {min(both)!r}, which is a class; remove it there: "
            "negatives are words for what is no class."
        )
    network = _load(model, pretrained, checkpoint, tag, input_size, device)
    own = open_clip.get_model_preprocess_cfg(network)
    built_for = open_clip.get_model_config(model)["vision_cfg"]["image_size"]
    warn_on_preprocessing_mismatch(
        key="embed.open_clip",
        model=f"{model}, {pretrained}",
        given={"input_size": input_size, "mean": mean, "std": std},
        own={"input_size": built_for, "mean": own["mean"], "std": own["std"]},
    )
    text, scale = _text_embeddings(network, model, prompts, [*class_names, *negatives], device)
    class_of_word = np.array([*range(len(class_names)), *[-1] * len(negatives)])

    def encode(pixels: np.ndarray) -> torch.Tensor:
        batch = preprocess(pixels, input_size=input_size, mean=mean, std=std, device=device)
        features: torch.Tensor = network.encode_image(batch)
        return features

    def zero_shot(features: np.ndarray) -> ZeroShot:
        cosine = functional.normalize(torch.from_numpy(features), dim=1) @ text  # (N, K + M)
        return zero_shot_from_logits(cosine * scale, class_of_word)

    fingerprint = {
        "encoder": "open_clip",
        "model": model,
        "pretrained": pretrained if checkpoint is None else "local checkpoint",
        "weights_sha256": weights_sha256(network.state_dict()) if checkpoint is None else file_sha256(checkpoint),
        "quick_gelu": quick_gelu(model, tag),
        "input_size": input_size,
        "mean": list(mean),
        "std": list(std),
    }
    if not class_names:
        why = "there are no class names"
        return FrozenNetwork("open_clip", fingerprint, input_size, encode, no_zero_shot=why)
    return FrozenNetwork("open_clip", fingerprint, input_size, encode, zero_shot)


def find_weights(model: str, pretrained: str) -> tuple[Path | None, dict[str, Any]]:
    """The local checkpoint, or else what open_clip knows of the tag; nothing is downloaded.

    Raises:
        WinnowError: if the model or its tag is unknown, or the file is missing.
    """
    if model not in open_clip.list_models():
        raise unknown_model(model, open_clip.list_models(), key="embed.open_clip.model", library="open_clip")
    tag = get_pretrained_cfg(model, pretrained)
    if tag:
        return None, tag
    if "/" in pretrained or Path(pretrained).suffix in _CHECKPOINT_SUFFIXES or Path(pretrained).is_file():
        return existing_checkpoint(pretrained, key="embed.open_clip.pretrained"), {}
    tags = open_clip.list_pretrained_tags_by_model(model)
    raise WinnowError(
        f"embed.open_clip.pretrained is {pretrained!r}, which is neither a file nor a tag of {model}; "
        f"its tags are {', '.join(tags) or 'none'}."
    )


def quick_gelu(model: str, tag: dict[str, Any]) -> bool:
    """Whether the activation is the original CLIP's approximation: the weights decide, not the model's name."""
    return bool(tag.get("quick_gelu", open_clip.get_model_config(model).get("quick_gelu", False)))


def _load(
    model: str, pretrained: str, checkpoint: Path | None, tag: dict[str, Any], input_size: int, device: torch.device
) -> Any:  # its methods are not nn.Module's
    source = pretrained if checkpoint is None else str(checkpoint)
    with quick_hub() as answers, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the activation, which the tag sets below
        try:
            network = open_clip.create_model(
                model,
                pretrained=source,
                precision="fp32",
                device=device,
                force_quick_gelu=quick_gelu(model, tag),
                force_image_size=input_size,
                weights_only=True,
            )
        except CHECKPOINT_ERRORS as error:
            if checkpoint is not None:
                raise WinnowError(
                    f"the weights {checkpoint} do not fit open_clip's {model} ({first_sentence(error)}); "
                    "fix embed.open_clip.model or embed.open_clip.pretrained."
                ) from None
            origin = tag.get("hf_hub") or tag.get("url")
            raise WinnowError(
                f"the weights {pretrained} of {model} could not be had: they are neither in {cache_folder()} nor could "
                f"they be downloaded from {origin} ({why_no_download(error, answers=answers)}); "
                f"connect once, or {_REMEDY}"
            ) from None
    return network.eval().to(memory_format=torch.channels_last)


def _text_embeddings(
    network: Any, model: str, prompts: Sequence[str], words: Sequence[str], device: torch.device
) -> tuple[torch.Tensor, float]:
    """Normalised mean text embeddings (D, words) and the factor of the cosine, both for the CPU."""
    templates = [lambda name, prompt=prompt: prompt.replace("{}", name) for prompt in prompts]
    with quick_hub():
        try:
            tokenizer = open_clip.get_tokenizer(model)
        except (*CHECKPOINT_ERRORS, ImportError) as error:
            raise WinnowError(
                f"the tokenizer of {model} could not be had ({first_sentence(error)}); connect once, "
                "or choose a model whose tokenizer comes with open_clip, such as ViT-B-32."
            ) from None
    with torch.inference_mode():
        text = open_clip.build_zero_shot_classifier(
            network, tokenizer, [_as_words(word) for word in words], templates, device=device
        )
        scale = network.logit_scale.exp()
    return text.float().cpu(), float(scale)


def _as_words(name: str) -> str:
    return name.replace("_", " ")
