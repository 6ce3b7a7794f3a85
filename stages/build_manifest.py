"""Read the archive, check and repair every image, pack the original bytes."""

from winnow import stage
from winnow.data.manifest import load_dataset
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    dataset = load_dataset(
        params.data.archive,
        class_names=params.data.class_names,
        split=params.data.split,
        image_size=params.data.image_size,
        max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
        spool=workspace.scratch("build_manifest"),
    )
    workspace.write("manifest", dataset.manifest)
    workspace.write_stream("images", dataset.image_frames())
    workspace.write("classes", dataset.class_names)
    rejected, counts = workspace.write("rejected", dataset.rejected), dataset.counts
    workspace.write("metrics", counts, stage="manifest")
    for name, count in counts.items():
        group, _, kind = name.partition(".")
        if group in ("rejected", "repairs") and kind:
            print(f"  {group:<10}{kind:<20}{count:>8}")
    return (
        f"{counts['images_in']} images in, {counts['accepted']} accepted ({counts['repaired']} of them repaired), "
        f"{counts['rejected']} rejected ({rejected} says why)"
    )


if __name__ == "__main__":
    stage.run("build_manifest", main)
