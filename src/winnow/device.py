"""The device that computes, arithmetic that gives the same bits every time, and the state of its random numbers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from winnow.cores import cores

Part = TypeVar("Part")
Result = TypeVar("Result")

CPU_BATCH = 32  # images in one forward pass on a core: as fast as more, and many cores need little memory


def best_device() -> torch.device:
    """The first CUDA (or ROCm) GPU if there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def exact_arithmetic() -> AbstractContextManager[None]:
    """Within it, GPUs convolve in full float32 (TF32 rounds to 10 bits of 23) by deterministic kernels."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within it, torch computes on the CPU with `count` threads: another number gives other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_by_side(compute: Callable[[Part], Result], parts: Iterable[Part], *, device: torch.device) -> Iterator[Result]:
    """Results of `compute` for each part, in order.

    On a CPU the parts are computed on all cores, each by one thread, so that the bits do not depend on the number of
    cores; on a GPU one after another. Few more parts than cores are taken ahead.
    """
    if device.type != "cpu":
        yield from map(compute, parts)
        return
    waiting: deque[Future[Result]] = deque()
    with threads(1), ThreadPoolExecutor(cores(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for part in parts:
            waiting.append(pool.submit(compute, part))
            if len(waiting) > cores():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


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
