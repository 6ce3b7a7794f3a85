"""The policy that the params ask for: searched, of random moves, or none."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from winnow.augmentation.policy.policy import Policy, write_policy
from winnow.augmentation.policy.random_moves import random_policy
from winnow.params.augmentation import PolicySearch

if TYPE_CHECKING:
    from winnow.data.pixels import Pixels


def write_searched(
    path: Path,
    options: PolicySearch,
    read: Callable[[], "tuple[Pixels, np.ndarray, int]"],
    *,
    scratch: Path,
    random: bool = False,
) -> str:
    """Search a policy and write it; where no search is asked for, one without sub-policies.

    Args:
        path: to write.
        options: the section `policy_search` of the params.
        read: gives the images, (N, S, S, 3) uint8, their (N,) labels in [0, K), and K.
        scratch: as in `search_policy`.
        random: whether a policy of random moves is written in place of one that is searched, `options.enabled` or not.

    Returns:
        What was done, in words.
    """
    if random:
        policy = random_policy(seed=options.seed)
        write_policy(policy, path, made_by="Random moves of random size")
        return f"{len(policy.sub_policies)} sub-policies of random moves in {path}; nothing was searched"
    if not options.enabled:
        write_policy(Policy(()), path)
        return "off; policy_search.enabled in params.yaml turns it on"
    # These take seconds to import, which a search that is off is not to cost.
    from winnow.augmentation.policy.search import SearchSettings, search_policy
    from winnow.device import best_device

    pixels, labels, num_classes = read()
    policy = search_policy(
        pixels,
        labels,
        num_classes=num_classes,
        settings=SearchSettings(**options.model_dump(exclude={"enabled", "seed"})),
        seed=options.seed,
        scratch=scratch,
        device=best_device(),
    )
    write_policy(policy, path)
    return f"{len(policy.sub_policies)} sub-policies of {options.length} operations in {path}"
