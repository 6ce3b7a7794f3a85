"""Search an augmentation policy on the cleaned training images (Faster AutoAugment), or draw one of random moves."""

import numpy as np

from winnow import stage
from winnow.augmentation.policy.searched import write_searched
from winnow.competition.copies import cleaned_parts
from winnow.competition.pool import squares
from winnow.workspace import Workspace

_SIDE = 32


def main(params: stage.Declared) -> str:
    workspace, names = Workspace(), params.competition.class_names

    def read() -> tuple[np.ndarray, np.ndarray, int]:
        pool = workspace.table("pool", ["image_id", "split", "image_bytes"])
        images = workspace.table("round", number="2").merge(pool)
        few = params.copies.validation_per_class
        training, _ = cleaned_parts(images, class_names=names, validation_per_class=few)
        return squares(training["image_bytes"].tolist(), side=_SIDE), training["final_label"].to_numpy(), len(names)

    done = write_searched(
        workspace.path("competition_policy"),
        params.policy_search,
        read,
        scratch=workspace.scratch("search_policy"),
        random=params.copies.policy == "random",
    )
    workspace.remove_scratch("search_policy")
    return done


if __name__ == "__main__":
    stage.run("search_policy", main)
