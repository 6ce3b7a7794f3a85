"""The device that computes, arithmetic that gives the same bits every time, and the state of its random numbers."""

from contextlib import AbstractContextManager

import torch


def best_device() -> torch.device:
    """The first CUDA (or ROCm) GPU if there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def exact_arithmetic() -> AbstractContextManager[None]:
    """Within it, GPUs convolve in full float32 (TF32 rounds to 10 bits of 23) by deterministic kernels."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
