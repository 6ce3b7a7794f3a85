"""A training step recorded once as a CUDA graph, and replayed: a GPU need not wait for Python to start its kernels.

With ResNet-34 at 64x64 and batches of 128 starting the kernels of a step one by one takes three times as long as
computing them (docs/benchmarks.md). The recording holds the kernels of a step by hand, in their order, so the bits are
the same. It keeps memory of its own for what a step holds: activations and gradients.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

# Steps by hand before the recording: they make what a step finds there, the optimizer's state and the libraries' own.
_BY_HAND = 3


class RecordedStep:
    """Takes the step that `by_hand` takes: the first few by hand, then from a recording.

    What the recording cannot hold is taken by hand: batches of another size, and every step where recording fails,
    which a line on stderr says.

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
        gradients are None before and after. It does the same each time, whatever the positions. The learning rate of
        the optimizer's groups becomes a float32 tensor on the device, which may be filled with another at any time.
        """
        self.replayed = 0
        self._by_hand, self._optimizer, self._device = by_hand, optimizer, device
        self._left, self._records = _BY_HAND, True
        self._batch = torch.zeros(batch_size, dtype=torch.int64, device=device)
        self._loss = torch.zeros((), device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(float(group["lr"]), device=device)

    def __call__(self, batch: Tensor) -> Tensor:
        """The mean loss of the images at these positions, a scalar that the next step overwrites."""
        if not self._records or len(batch) != len(self._batch):
            return self._by_hand(batch)
        if self._left:
            self._left -= 1
            return self._by_hand(batch)
        self._batch.copy_(batch)
        if self._graph is None:
            self._graph = self._recorded()
        if self._graph is None:
            self._records = False
            return self._by_hand(batch)
        self._graph.replay()
        self.replayed += 1
        return self._loss

    def _recorded(self) -> torch.cuda.CUDAGraph | None:
        """The step as a graph; None where a network waits for the GPU, say, or memory is short. Nothing is computed."""
        graph = torch.cuda.CUDAGraph()
        self._optimizer.zero_grad(set_to_none=True)  # the recording is to make its own
        try:
            with torch.cuda.graph(graph, stream=torch.cuda.current_stream(self._device)), self._capturable():
                self._loss = self._by_hand(self._batch)
        except RuntimeError as error:
            self._optimizer.zero_grad(set_to_none=True)  # of a backward pass that nothing computed
            why = str(error).partition("\n")[0]
            print(f"winnow: no training step could be recorded, so each takes longer: {why}", file=sys.stderr)
            return None
        return graph

    @contextmanager
    def _capturable(self) -> Iterator[None]:
        """Adam asks for this flag in a recording, and warns of it outside."""
        groups = [group for group in self._optimizer.param_groups if "capturable" in group]
        for group in groups:
            group["capturable"] = True
        try:
            yield
        finally:
            for group in groups:
                group["capturable"] = False
