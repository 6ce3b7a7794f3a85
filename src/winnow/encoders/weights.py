"""Digests of weights."""

import hashlib

import torch
from torch import nn


def weights_sha256(network: nn.Module) -> str:
    """Digest of a network's weights and buffers, for those that came from no file of the user's."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
