"""torch's optimizers without torch's compiler.

torch wraps the methods of its optimizers so that `torch.compile` passes over them, and the wrapper imports the whole
compiler: 1.6 CPU seconds at a process's first optimizer, as long as `import torch` itself. These are torch's own
classes with the methods as they are inside the wrapper; every step gives the same bits.
"""

from inspect import unwrap
from typing import TypeVar

import torch

_Optimizer = TypeVar("_Optimizer", bound=torch.optim.Optimizer)


def _without_compiler(kind: type[_Optimizer]) -> type[_Optimizer]:
    methods = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    plain = {name: unwrap(getattr(kind, name)) for name in methods}
    return type(kind.__name__, (kind,), plain | {"step": torch.no_grad()(unwrap(kind.step))})


SGD = _without_compiler(torch.optim.SGD)
Adam = _without_compiler(torch.optim.Adam)
AdamW = _without_compiler(torch.optim.AdamW)
LBFGS = _without_compiler(torch.optim.LBFGS)
