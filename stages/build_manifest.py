"""Read the archive, check and repair every image, pack the original bytes."""

from winnow import stage, tables
from winnow.data.manifest import load_dataset


def main(params) -> str:
    dataset = load_dataset(
        params.data.archive,
        class_names=params.data.class_names,
        split=params.data.split,
        image_size=params.data.image_size,
        max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
    )
    tables.write_parquet(dataset.manifest, "data/interim/manifest.parquet")
    tables.write_parquet(dataset.images, "data/interim/images.parquet")
    tables.write_json("data/interim/classes.json", dataset.class_names)
    tables.write_csv(dataset.rejected, "data/interim/rejected.csv")
    tables.write_json("metrics/manifest.json", dataset.counts)

    counts = dataset.counts
    for name, count in counts.items():
        group, _, kind = name.partition(".")
        if group in ("rejected", "repairs") and kind:
            print(f"  {group:<10}{kind:<20}{count:>8}")
    return (
        f"{counts['images_in']} images in, {counts['accepted']} accepted ({counts['repaired']} of them repaired), "
        f"{counts['rejected']} rejected (data/interim/rejected.csv says why)"
    )


if __name__ == "__main__":
    stage.run("build_manifest", main)
