"""Search an augmentation policy on the curated training images (Faster AutoAugment); off by default."""

import shutil

from winnow import stage
from winnow.augmentation.policy.policy import Policy, write_policy
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, options = Workspace(), params.policy_search
    path, scratch = workspace.path("augmentation_policy"), workspace.scratch("search_policy")
    if not options.enabled:
        write_policy(Policy(()), path)
        return "off; policy_search.enabled in params.yaml turns it on"
    # These take seconds to import, which a search that is off is not to cost.
    from winnow.augmentation.policy.search import SearchSettings, search_policy
    from winnow.data.pixels import DecodedPixels, resized_to
    from winnow.device import best_device

    ledger = workspace.table("ledger", ["image_id", "split", "final_label"])
    ledger = ledger[ledger["split"] == "train"]
    side = resized_to(params.data.image_size, params.data.train_size)
    policy = search_policy(
        DecodedPixels(workspace.column("images", "image_bytes", of=ledger["image_id"].to_numpy()), resized_to=side),
        ledger["final_label"].to_numpy(),
        num_classes=len(workspace.class_names),
        settings=SearchSettings(**options.model_dump(exclude={"enabled", "seed"})),
        seed=options.seed,
        scratch=scratch,
        device=best_device(),
    )
    write_policy(policy, path)
    shutil.rmtree(scratch, ignore_errors=True)
    return f"{len(policy.sub_policies)} sub-policies of {options.length} operations in {path}"


if __name__ == "__main__":
    stage.run("search_policy", main)
