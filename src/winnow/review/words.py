"""The text tower of the encoder, for finding images by words."""

import warnings
from collections.abc import Sequence

import numpy as np
import open_clip
import torch

from winnow.encoders.frozen.checkpoints import CHECKPOINT_ERRORS
from winnow.encoders.frozen.hub import quick_hub
from winnow.encoders.frozen.open_clip import find_weights, quick_gelu
from winnow.errors import WinnowError, first_sentence


class TextTower:
    """Turns words into vectors that lie where images of what they say lie (Radford et al., arXiv 2103.00020)."""

    def __init__(self, *, model: str, pretrained: str, prompts: Sequence[str]) -> None:
        """Load it.

        Args:
            model, pretrained, prompts: of `embed.open_clip`, as `load_open_clip` takes them.

        Raises:
            WinnowError: if the weights or the tokenizer cannot be had.
        """
        checkpoint, tag = find_weights(model, pretrained)
        self._prompts = list(prompts)
        with quick_hub(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                self._network = open_clip.create_model(
                    model,
                    pretrained=pretrained if checkpoint is None else str(checkpoint),
                    precision="fp32",
                    force_quick_gelu=quick_gelu(model, tag),
                    weights_only=True,
                ).eval()
                self._tokenizer = open_clip.get_tokenizer(model)
            except (*CHECKPOINT_ERRORS, ImportError) as error:
                raise WinnowError(
                    f"the text model of {model} could not be had ({first_sentence(error)}); connect once, or name a "
                    "checkpoint file in embed.open_clip.pretrained."
                ) from None

    def vector(self, words: str) -> np.ndarray:
        """(D,) float32 of length 1: the mean over all prompts."""
        tokens = self._tokenizer([prompt.replace("{}", words) for prompt in self._prompts])
        with torch.inference_mode():
            mean = torch.nn.functional.normalize(self._network.encode_text(tokens), dim=1).mean(dim=0)
            found: np.ndarray = torch.nn.functional.normalize(mean, dim=0).float().numpy()
        return found
