"""Group exact and near duplicates, and find those whose labels disagree."""

from winnow import stage, tables
from winnow.data.decode import decode_pixels
from winnow.detect.duplicates import find_duplicates

FEATURES = "data/interim/features.npz"
IMAGES = "data/interim/images.parquet"


def main(params) -> str:
    manifest = tables.read_parquet("data/interim/manifest.parquet")
    image_id = manifest["image_id"].to_numpy()
    images = tables.read_parquet(IMAGES)
    image_bytes = images["image_bytes"].to_numpy()[tables.align(image_id, images["image_id"], IMAGES)]
    arrays = tables.read_arrays(FEATURES)

    duplicates = find_duplicates(
        image_id,
        manifest["label"].to_numpy(),
        decode_pixels(image_bytes, image_size=params.data.image_size),
        arrays["features"][tables.align(image_id, arrays["image_id"], FEATURES)],
        max_hash_distance=params.duplicates.max_hash_distance,
        min_similarity=params.duplicates.min_similarity,
    )
    tables.write_parquet(duplicates, "data/interim/duplicates.parquet")

    kinds = duplicates["duplicate_kind"]
    groups = duplicates[kinds != ""].groupby("duplicate_group")
    exact_group = groups["duplicate_kind"].agg(lambda kind: (kind == "exact").all())
    copies = duplicates["duplicate_of"] != ""
    tables.write_json(
        "metrics/duplicates.json",
        {
            "images": len(duplicates),
            "exact_groups": int(exact_group.sum()),
            "near_groups": int((~exact_group).sum()),
            "images_in_exact_groups": int((kinds == "exact").sum()),
            "images_in_near_groups": int((kinds == "near").sum()),
            "copies": int(copies.sum()),
            "copies_share": float(copies.mean()),
            "conflicting_groups": int(groups["label_conflict"].first().sum()),
        },
    )
    return f"{len(exact_group)} groups, {copies.sum()} images that copy another"


if __name__ == "__main__":
    stage.run("find_duplicates", main)
