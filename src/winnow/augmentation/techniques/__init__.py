"""The techniques by name: each makes one copy of an image.

Its function is called as `run(pixels, seed, partner)`: `pixels` (H, W, 3) uint8, `seed` an int >= 0 from which all of
its chance comes, `partner` (H, W, 3) uint8, another image of the same class, where the record says that it
`needs_partner`, else None. It returns (H, W, 3) uint8 and leaves its arguments as they are; one that returns `pixels`
itself asks for the source's bytes to be copied, not encoded again.

To add one, write a module here, list it in `TECHNIQUES`, describe its key in `winnow.params.augmentation` and give it a
weight in configs/base.yaml. One more, `faster_autoaugment`, is made from a policy that was searched: `techniques_for`
adds it.
"""

import os
from collections.abc import Iterable

from winnow.augmentation.policy.policy import Policy
from winnow.errors import WinnowError

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # before the techniques import it: no look for newer versions on the net

from winnow.augmentation.techniques.augmix import augmix
from winnow.augmentation.techniques.color import color
from winnow.augmentation.techniques.crop import crop
from winnow.augmentation.techniques.cutmix import cutmix
from winnow.augmentation.techniques.faster_autoaugment import faster_autoaugment
from winnow.augmentation.techniques.flip import flip
from winnow.augmentation.techniques.flip_crop import flip_crop
from winnow.augmentation.techniques.mixup import mixup
from winnow.augmentation.techniques.oversampling import oversampling
from winnow.augmentation.techniques.rotation import rotation
from winnow.augmentation.techniques.technique import Copy, Technique
from winnow.augmentation.techniques.trivial_augment import trivial_augment

TECHNIQUES: dict[str, Technique] = {
    "flip": Technique(run=flip, once=True),
    "crop": Technique(run=crop),
    "flip_crop": Technique(run=flip_crop),
    "rotation": Technique(run=rotation),
    "color": Technique(run=color),
    "oversampling": Technique(run=oversampling),
    "mixup": Technique(run=mixup, needs_partner=True),
    "cutmix": Technique(run=cutmix, needs_partner=True),
    "trivial_augment": Technique(run=trivial_augment),
    "augmix": Technique(run=augmix),
}


def techniques_for(names: Iterable[str], policy: Policy | None) -> dict[str, Copy]:
    """The functions of the techniques that `names` call for.

    Args:
        names: of techniques.
        policy: what `faster_autoaugment` carries out; None for none.

    Raises:
        WinnowError: if `faster_autoaugment` is named and there is no policy.
        ValueError: if a technique is unknown.
    """
    chosen = {}
    for name in sorted(set(names)):
        if name == "faster_autoaugment":
            if policy is None or not policy.sub_policies:
                raise WinnowError(
                    "augment.techniques.faster_autoaugment has a weight, but no policy was searched; set "
                    "policy_search.enabled to true, or the weight to 0."
                )
            chosen[name] = faster_autoaugment(policy)
        elif name in TECHNIQUES:
            chosen[name] = TECHNIQUES[name].run
        else:
            raise ValueError(f"no technique is called {name!r}; there are {', '.join(TECHNIQUES)}, faster_autoaugment")
    return chosen
