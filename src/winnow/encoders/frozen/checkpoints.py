"""Checkpoint files that users name in params.yaml."""

import hashlib
import pickle
from pathlib import Path

from safetensors import SafetensorError

from winnow.errors import WinnowError

# What reading a checkpoint raises when the file is cut short, is something else, or is of another network.
CHECKPOINT_ERRORS = (
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    pickle.UnpicklingError,
    SafetensorError,
)


def file_sha256(path: str | Path) -> str:
    """Digest of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def existing_checkpoint(path: str, *, key: str) -> Path:
    """The checkpoint at `path`; `key` is where params.yaml names it.

    Raises:
        WinnowError: if there is no such file.
    """
    checkpoint = Path(path).expanduser()
    if not checkpoint.is_file():
        raise WinnowError(
            f"the weights {path} do not exist (looked for {checkpoint.resolve()}); put the checkpoint file there, "
            f"fix {key}, or set embed.encoder to trained, which needs none."
        )
    return checkpoint
