"""The device that computes, arithmetic that gives the same bits every time, and the state of its random numbers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor


def best_device() -> torch.device:
    """The first CUDA (or ROCm) GPU if there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def exact_arithmetic() -> AbstractContextManager[None]:
    """Within it, GPUs convolve in full float32 (TF32 rounds to 10 bits of 23) by deterministic kernels."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Within it, torch's random numbers on the CPU and on `device` follow from `seed`; the caller's are left alone."""
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of the random generators that a forward pass on `device` may draw from, for a checkpoint."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Go on from `random_state`'s result on the same kind of device."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
