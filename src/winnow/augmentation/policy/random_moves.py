"""Random moves of random size: a policy that nobody searched."""

from collections.abc import Sequence

import numpy as np

from winnow.augmentation.policy.policy import Policy, Step

_MOVES = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate", "zoom")
_PROBABILITY = 0.8
_LEAST, _MOST, _MOST_STROKE = 0.1, 0.6, 0.8


def random_policy(
    *,
    strokes: Sequence[str] = (),
    sizes: Sequence[Step] = (),
    sub_policies: int = 100,
    length: int = 3,
    invert: float = 0.0,
    seed: int = 0,
) -> Policy:
    """Sub-policies of different moves, filled with the border's level, each move at a random magnitude of .1 to .6.

    Args:
        strokes: operations that every sub-policy has besides, such as thicker lines, at a random magnitude of .1 to .8.
        sizes: steps that every sub-policy has as they are, in place of the zoom among the moves.
        sub_policies: how many.
        length: moves in each.
        invert: probability of a copy's being inverted; 0 leaves the step out.
        seed: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(sub_policies):
        moves = [name for name in _MOVES if not (sizes and name == "zoom")]
        names = rng.choice(moves, size=length, replace=False)
        steps = [Step(str(name), _PROBABILITY, round(float(rng.uniform(_LEAST, _MOST)), 3)) for name in names]
        steps += [Step(name, _PROBABILITY, round(float(rng.uniform(_LEAST, _MOST_STROKE)), 3)) for name in strokes]
        steps += sizes
        rows.append((*steps, Step("invert", invert)) if invert else tuple(steps))
    return Policy(tuple(rows), fill="border")
