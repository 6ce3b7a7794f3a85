"""What is most like a selection, a picture from elsewhere or a few words: a cosine for every image of the dataset."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.data.images import BadImage, decoding, upright_rgb
from winnow.data.pixels import DecodedPixels
from winnow.encoders.registry import is_fitted
from winnow.errors import WinnowError
from winnow.params.encoders import kind_of, section_of
from winnow.row_groups import StoredColumn

if TYPE_CHECKING:
    from winnow.encoders.base import Encoder
    from winnow.review.words import TextTower

_PLAIN_SIDE = 64  # what `plain` looks at where it stands in for an encoder that was fitted


def like_rows(features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(N,) float32 cosine of every image with the mean of some; they themselves may come anywhere.

    Args:
        features: (N, D) float32, L2-normalised.
        rows: (n,) positions, at least one.
    """
    return like_vector(features, features[rows].mean(axis=0))


def like_vector(features: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(N,) float32 cosine of every image with `vector` (D,), of any length; 0 for one of length 0."""
    length = float(np.linalg.norm(vector))
    return (features @ (vector / max(length, 1e-12))).astype(np.float32)


def can_embed(embed: Mapping[str, Any]) -> bool:
    """Whether a picture from elsewhere gets the features that the encoder of the section `embed` of params.yaml gave
    the dataset; one that was fitted on it kept no network, and several are weighed by the dataset."""
    return isinstance(embed["encoder"], str) and not is_fitted(embed["encoder"])


def text_encoder(embed: Mapping[str, Any]) -> bool:
    """Whether the section `embed` of params.yaml names an encoder that knows words."""
    return isinstance(embed["encoder"], str) and kind_of(embed["encoder"]) == "open_clip"


class Lookalikes:
    """Finds images like a picture or words; encoders are loaded when first asked for."""

    def __init__(
        self,
        embed: Mapping[str, Any],
        class_names: Sequence[str],
        images: Callable[[], StoredColumn],
        resized_to: int | None = None,
    ) -> None:
        """Args: the section `embed` of params.yaml; K names; opens the N encoded images; as of `DecodedPixels`."""
        self._embed, self._class_names, self._images = embed, list(class_names), images
        self._resized_to = resized_to
        self._lock = threading.Lock()
        self._loaded: tuple[Encoder, np.ndarray | None] | None = None
        self._tower: TextTower | None = None

    def like_picture(self, picture: bytes, features: Callable[[], np.ndarray]) -> np.ndarray:
        """Images like a picture.

        Args:
            picture: an encoded image of any kind.
            features: gives the (N, D) features of the dataset.

        Returns:
            (N,) float32 cosines; of colours and edges where `can_embed` says no.

        Raises:
            WinnowError: if it is no image, or the encoder's weights cannot be had.
        """
        images = DecodedPixels(self._images(), resized_to=self._resized_to)
        try:
            with decoding(picture):
                opened = upright_rgb(picture)[0]
        except BadImage as error:
            raise WinnowError(f"that is no picture that can be read ({error}); take a JPEG or PNG.") from None
        with self._lock:
            encoder, own = self._encoder(images)
            side = images.shape[1]
            pixels = np.array(opened.resize((side, side)))[None]
            found = encoder.embed_dataset(pixels, np.zeros(1, np.int64)).features[0]
        return like_vector(features() if own is None else own, found)

    def _encoder(self, images: DecodedPixels) -> "tuple[Encoder, np.ndarray | None]":
        """The dataset's encoder and None; or `plain` and its features of the dataset, where there is none to load."""
        from winnow.encoders.registry import load_encoder

        if self._loaded is None:
            if can_embed(self._embed):
                self._loaded = load_encoder(self._embed, class_names=self._class_names), None
            else:
                plain = load_encoder(
                    {**self._embed, "encoder": "plain", "plain": {"input_size": _PLAIN_SIDE}, "flip": False},
                    class_names=self._class_names,
                )
                found = plain.embed_dataset(images, np.zeros(len(images), np.int64))
                self._loaded = plain, found.features
        return self._loaded

    def like_words(self, words: str, features: np.ndarray) -> np.ndarray:
        """(N,) float32 cosine of every image with words in English.

        Args:
            words: what to look for.
            features: (N, D) of the dataset.

        Raises:
            WinnowError: if the encoder knows no words, or its weights cannot be had.
        """
        if not text_encoder(self._embed):
            raise WinnowError(
                "the encoder knows no words; set embed.encoder to open_clip in params.yaml and run 'dvc repro'."
            )
        from winnow.review.words import TextTower

        section = section_of(self._embed["encoder"], self._embed)
        with self._lock:
            if self._tower is None:
                self._tower = TextTower(**{key: section[key] for key in ("model", "pretrained", "prompts")})
            return like_vector(features, self._tower.vector(words))
