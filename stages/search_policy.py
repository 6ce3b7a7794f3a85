"""Search an augmentation policy on the curated training images (Faster AutoAugment); off by default."""

import shutil
from pathlib import Path

from winnow import stage, tables
from winnow.augmentation.policy.policy import Policy, write_policy
from winnow.progress import progress

SCRATCH = Path(".winnow/scratch/search_policy")
OUT = "metrics/augmentation_policy.yaml"


def main(params) -> str:
    if not params.policy_search.enabled:
        write_policy(Policy(()), OUT)
        return "off; policy_search.enabled in params.yaml turns it on"
    policy = search(params)
    write_policy(policy, OUT)
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return f"{len(policy.sub_policies)} sub-policies of {params.policy_search.length} operations in {OUT}"


def search(params) -> Policy:
    # These take seconds to import, which a search that is off is not to cost.
    from winnow.augmentation.policy.search import SearchSettings, search_policy, search_steps
    from winnow.data.decode import decode_pixels
    from winnow.models.network import best_device

    options = params.policy_search
    images = tables.read_parquet("data/interim/images.parquet")
    class_names = tables.read_json("data/interim/classes.json")
    ledger = tables.read_parquet("data/processed/ledger.parquet", ["image_id", "split", "final_label"])
    ledger = ledger[ledger["split"] == "train"]
    rows = tables.align(ledger["image_id"].to_numpy(), images["image_id"].to_numpy(), "images.parquet")
    settings = SearchSettings(**options.model_dump(exclude={"enabled", "seed"}))
    with progress("search_policy", search_steps(len(rows), settings)) as report:
        return search_policy(
            decode_pixels(images["image_bytes"].to_numpy()[rows], image_size=params.data.image_size),
            ledger["final_label"].to_numpy(),
            num_classes=len(class_names),
            settings=settings,
            seed=options.seed,
            scratch=SCRATCH,
            device=best_device(),
            report=report,
        )


if __name__ == "__main__":
    stage.run("search_policy", main)
