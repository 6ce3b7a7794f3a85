"""A policy as data: what it says, its YAML file, and its use on one image.

PyTorch and the operations are imported where they are needed: a search that is off is not to wait for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from winnow import tables
from winnow.errors import WinnowError

if TYPE_CHECKING:
    from winnow.augmentation.policy.operations import Fill, Operation

_DRAWS = 100  # a policy of no probability at all is not drawn for ever
_SEARCHED = "Faster AutoAugment (arXiv 1911.06987)"
_HEAD = """\
# {made_by}: for every copy one of the sub-policies is drawn, and each of its operations is
# carried out with its probability. docs/augmentation.md says more.
# Magnitude 0 is the image as it is; magnitude 1 of
"""
_NONE = """\
# No policy was searched; policy_search.enabled in params.yaml turns that on.
"""


@dataclass(frozen=True)
class Step:
    """One operation of a sub-policy.

    Attributes:
        operation: a name in `OPERATIONS`.
        probability: of its being carried out, in [0, 1].
        magnitude: how far it goes, in [0, 1]; None for an operation that has no magnitude, such as a flip.

    Raises:
        WinnowError: if one of them is none of these.
    """

    operation: str
    probability: float
    magnitude: float | None = None

    def __post_init__(self) -> None:
        known = _operations()
        if not isinstance(self.operation, str) or self.operation not in known:
            raise WinnowError(f"no operation is called {self.operation!r}; there are {', '.join(known)}.")
        _check_share(f"the probability of {self.operation}", self.probability)
        if known[self.operation].reach is not None:
            _check_share(f"the magnitude of {self.operation}", self.magnitude)
        elif self.magnitude is not None:
            raise WinnowError(f"{self.operation} has no magnitude, but {self.magnitude!r} is given; delete it.")


@dataclass(frozen=True)
class Policy:
    """Sub-policies, each a sequence of steps; none at all if no policy was searched.

    Attributes:
        sub_policies: the sequences.
        fill: "reflect" or "border": what comes into view where a step moves pixels.
    """

    sub_policies: tuple[tuple[Step, ...], ...]
    fill: "Fill" = "reflect"

    def apply(self, pixels: np.ndarray, seed: int) -> np.ndarray:
        """Carry out a sub-policy drawn at random on one image; where chance passes over every step, draw again.

        A copy is stored once, and one that is its original shows a network nothing. All chance comes from
        `np.random.default_rng(seed)`, and sums run on one thread: the same pixels and seed give the same bytes in any
        number of workers.

        Args:
            pixels: (H, W, 3) uint8, H and W at least 3; left as they are.
            seed: an integer >= 0.

        Returns:
            (H, W, 3) uint8: new pixels, or `pixels` itself if chance passed over every step a hundred times.

        Raises:
            WinnowError: if the policy holds no sub-policies.
        """
        import torch

        if not self.sub_policies:
            raise WinnowError("the augmentation policy holds no sub-policies; set policy_search.enabled to true.")
        rng = np.random.default_rng(seed)
        for _ in range(_DRAWS):
            steps = self.sub_policies[rng.integers(len(self.sub_policies))]
            chance = rng.random((len(steps), 3), dtype=np.float32)
            due = [(step, rest) for step, (luck, *rest) in zip(steps, chance, strict=True) if luck < step.probability]
            if due:
                break
        else:
            return pixels
        operations, threads = _operations(self.fill), torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                image = torch.tensor(pixels).permute(2, 0, 1)[None] / 255  # (1, 3, H, W)
                for step, rest in due:
                    magnitude = torch.tensor([step.magnitude or 0.0])
                    image = operations[step.operation].apply(image, magnitude, torch.tensor(np.array([rest])))
                levels = (image[0] * 255).round().clamp(0, 255).to(torch.uint8)
                return levels.permute(1, 2, 0).contiguous().numpy()
        finally:
            torch.set_num_threads(threads)


def write_policy(policy: Policy, path: str | Path, *, made_by: str = _SEARCHED) -> None:
    """Write a policy as YAML, with comments: what made it, and what magnitude 1 means for each operation in it."""
    if not policy.sub_policies:
        text = _NONE + "sub_policies: []\n"
    else:
        known = _operations()
        used = {step.operation for steps in policy.sub_policies for step in steps}
        lines = [f"#   {name}: {known[name].reach or 'has no magnitude'}" for name in known if name in used]
        content = [[_entry(step) for step in steps] for steps in policy.sub_policies]
        text = _HEAD.format(made_by=made_by) + "\n".join(lines) + "\n"
        fill = {} if policy.fill == "reflect" else {"fill": policy.fill}
        text += yaml.safe_dump({**fill, "sub_policies": content}, sort_keys=False)
    with tables.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_policy(path: str | Path) -> Policy:
    """Read `write_policy`'s file, or one written by hand.

    Raises:
        WinnowError: if the file is missing, empty or no YAML, or a sub-policy says what it cannot say; the message
            names the place.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WinnowError(f"{path} is missing; run 'dvc repro search_policy' to build it.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 1}" if place else ""
        raise WinnowError(f"{path} is not valid YAML{where}; fix it, or restore it with git.") from None
    if not isinstance(content, dict) or not {"sub_policies"} <= set(content) <= {"sub_policies", "fill"}:
        raise WinnowError(
            f"{path} must hold sub_policies and nothing else, but for fill; fix it, or restore it with git."
        )
    if content.get("fill", "reflect") not in ("reflect", "border"):
        raise WinnowError(f"{path}: fill is {content['fill']!r}; it must be reflect or border.")
    if not isinstance(content["sub_policies"], list):
        raise WinnowError(f"{path}: sub_policies must be a list of lists of operations; write [] for none.")
    return Policy(
        tuple(_sub_policy(entries, f"{path}, sub-policy {i}") for i, entries in enumerate(content["sub_policies"], 1)),
        fill=content.get("fill", "reflect"),
    )


def _sub_policy(entries: Any, where: str) -> tuple[Step, ...]:
    if not isinstance(entries, list) or not entries:
        raise WinnowError(f"{where}: it must be a list of at least one operation.")
    return tuple(_step(entry, f"{where}, operation {i}") for i, entry in enumerate(entries, 1))


def _step(entry: Any, where: str) -> Step:
    if not isinstance(entry, dict) or not {"operation", "probability"} <= set(entry):
        raise WinnowError(f"{where}: it must hold operation and probability, and magnitude where there is one.")
    if unknown := set(entry) - {"operation", "probability", "magnitude"}:
        raise WinnowError(f"{where}: {min(map(str, unknown))!r} is none of operation, probability and magnitude.")
    try:
        return Step(**entry)
    except WinnowError as error:
        raise WinnowError(f"{where}: {error}") from None


def _entry(step: Step) -> dict[str, str | float]:
    entry: dict[str, str | float] = {"operation": step.operation, "probability": step.probability}
    return entry if step.magnitude is None else entry | {"magnitude": step.magnitude}


def _check_share(what: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise WinnowError(f"{what} is {value!r}; it must be a number from 0 to 1.")


def _operations(fill: "Fill" = "reflect") -> "Mapping[str, Operation]":
    from winnow.augmentation.policy.operations import operations

    return operations(fill)
