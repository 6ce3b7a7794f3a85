"""A training step recorded once as a CUDA graph, and replayed: a GPU need not wait for Python to start its kernels.

With ResNet-34 at 64x64 and batches of 128 a step is some five hundred small kernels, and starting them one by one takes
several times as long as computing them (docs/benchmarks.md). The kernels are those of a step taken by hand, in their
order, so the bits are the same.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# Steps by hand before the recording: they make what a step finds there, the optimizer's state and the libraries' own.
_BY_HAND = 3


class RecordedStep:
    """Takes the step that `by_hand` takes: the first few by hand, then from a recording.

    What the recording cannot hold is taken by hand: batches of another size, and every step where recording fails.

    Attributes:
        replayed: steps taken from the recording.
    """

    def __init__(
        self,
        by_hand: Callable[[Tensor], Tensor],
        optimizer: torch.optim.Optimizer,
        *,
        batch_size: int,
        device: torch.device,
    ) -> None:
        """Record steps of `batch_size` images on `device`, a GPU.

        `by_hand` maps (B,) int64 positions of images to their mean loss, and changes the weights by `optimizer`, whose
        gradients are None before and after. It does the same each time, whatever the positions.
        """
        self.replayed = 0
        self._by_hand, self._device = by_hand, device
        self._left, self._recording = _BY_HAND, True
        self._batch = torch.zeros(batch_size, dtype=torch.int64, device=device)
        self._loss = torch.zeros((), device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        for group in optimizer.param_groups:  # read by the recorded kernels from the GPU's memory, and so never stale
            group["lr"] = torch.tensor(float(group["lr"]), device=device)
            if "capturable" in group:
                group["capturable"] = True

    def __call__(self, batch: Tensor) -> Tensor:
        """The mean loss of the images at these positions, a scalar that the next step overwrites."""
        if not self._recording or len(batch) != len(self._batch):
            return self._by_hand(batch)
        if self._left:
            self._left -= 1
            return self._by_hand(batch)
        self._batch.copy_(batch)
        if self._graph is None and not self._record():
            return self._by_hand(batch)
        assert self._graph is not None
        self._graph.replay()
        self.replayed += 1
        return self._loss

    def _record(self) -> bool:
        """Whether it worked. Nothing is computed yet."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=torch.cuda.current_stream(self._device)):
                self._loss = self._by_hand(self._batch)
        except RuntimeError:  # a network that waits for the GPU, say, or asks for more memory than there is
            self._recording = False
            return False
        self._graph = graph
        return True
