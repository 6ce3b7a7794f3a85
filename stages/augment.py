"""Balance the classes with augmented copies, originals first, within the budget."""

import numpy as np

from winnow import stage, tables
from winnow.augmentation.edge_cases import edge_case_weights
from winnow.augmentation.plan import choose_originals, plan_copies
from winnow.augmentation.policy.policy import read_policy
from winnow.augmentation.render import render_copies
from winnow.data.packed import join_packed, pack_originals


def main(params) -> str:
    settings = params.augment
    images = tables.read_parquet("data/interim/images.parquet")
    class_names = tables.read_json("data/interim/classes.json")
    ledger = tables.read_parquet(
        "data/processed/ledger.parquet", ["image_id", "split", "final_label", "ood_score", "decided_by"]
    )
    ledger = ledger[ledger["split"] == "train"]
    pred_probs, class_probs = (tables.read_arrays(f"data/interim/{name}.npz") for name in ("pred_probs", "class_probs"))

    kept = choose_originals(
        ledger["image_id"].to_numpy(), ledger["final_label"].to_numpy(), budget=settings.budget, seed=settings.seed
    )
    ledger = ledger[kept]
    image_id, labels = ledger["image_id"].to_numpy(), ledger["final_label"].to_numpy()
    weights = edge_case_weights(
        pred_probs["pred_probs"][tables.align(image_id, pred_probs["image_id"], "pred_probs.npz")],
        class_probs["class_probs"][tables.align(image_id, class_probs["image_id"], "class_probs.npz")],
        labels,
        ood_score=ledger["ood_score"].to_numpy(),
        by_person=(ledger["decided_by"] != "rule").to_numpy(),
        **settings.edge_cases.model_dump(),
    )
    plan = plan_copies(
        image_id,
        labels,
        budget=settings.budget,
        balance=settings.balance,
        max_copies_per_image=settings.max_copies_per_image,
        techniques=settings.techniques.model_dump(),
        seed=settings.seed,
        effective_number_beta=settings.effective_number_beta,
        weights=weights,
        taken=images["image_id"].to_numpy(),
    )
    policy = read_policy("metrics/augmentation_policy.yaml")
    copies = render_copies(plan, images, jpeg_quality=settings.jpeg_quality, policy=policy)

    positions = tables.align(image_id, images["image_id"].to_numpy(), "images.parquet")
    originals = pack_originals(image_id, labels, images["image_bytes"].to_numpy()[positions])
    tables.write_parquet(join_packed(originals, copies), "data/processed/submission_set.parquet")

    per_class = {
        part: np.bincount(frame["label"], minlength=len(class_names))
        for part, frame in (("originals", originals), ("copies", copies))
    }
    metrics = {
        "budget": settings.budget,
        "total": len(originals) + len(copies),
        "originals": len(originals),
        "originals_left_out": int((~kept).sum()),
        "copies": len(copies),
        "techniques": copies["technique"].value_counts().sort_index().to_dict(),
        "per_class": {
            name: {
                "originals": per_class["originals"][label],
                "copies": per_class["copies"][label],
                "total": per_class["originals"][label] + per_class["copies"][label],
            }
            for label, name in enumerate(class_names)
        },
    }
    tables.write_json("metrics/augment.json", tables.records(metrics))
    left_out = f", {(~kept).sum()} originals left out" if not kept.all() else ""
    totals = sum(per_class.values())
    return (
        f"{len(originals)} originals and {len(copies)} copies for a budget of {settings.budget}{left_out}; "
        f"classes of {totals.min()} to {totals.max()}"
    )


if __name__ == "__main__":
    stage.run("augment", main)
