"""Group exact and near duplicates, and find those whose labels disagree."""

from winnow import stage, tables
from winnow.data.decode import decode_pixels
from winnow.detect.duplicates.search import count_duplicates, find_duplicates, same_bytes

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
    duplicates["same_bytes"] = same_bytes(manifest["bytes_sha256"].to_numpy())
    tables.write_parquet(duplicates, "data/interim/duplicates.parquet")

    counts = {**count_duplicates(duplicates), "images_with_same_bytes": int(duplicates["same_bytes"].sum())}
    tables.write_json("metrics/duplicates.json", counts)
    return f"{counts['groups']} groups, {counts['copies']} images that copy another"


if __name__ == "__main__":
    stage.run("find_duplicates", main)
