"""Search an augmentation policy on the curated training images (Faster AutoAugment); off by default."""

from typing import Any

from winnow import stage
from winnow.augmentation.policy.searched import write_searched
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()

    def read() -> tuple[Any, Any, int]:
        from winnow.data.pixels import DecodedPixels, resized_to  # not where no policy is searched

        ledger = workspace.table("ledger", ["image_id", "split", "final_label"])
        ledger = ledger[ledger["split"] == "train"]
        files = workspace.column("images", "image_bytes", of=ledger["image_id"].to_numpy())
        side = resized_to(params.data.image_size, params.data.train_size)
        return DecodedPixels(files, resized_to=side), ledger["final_label"].to_numpy(), len(workspace.class_names)

    done = write_searched(
        workspace.path("augmentation_policy"),
        params.policy_search,
        read,
        scratch=workspace.scratch("search_policy"),
    )
    workspace.remove_scratch("search_policy")
    return done


if __name__ == "__main__":
    stage.run("search_policy", main)
