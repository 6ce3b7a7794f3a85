"""Read the archive, check and repair every image, pack the original bytes."""

from winnow import stage
from winnow.data.class_sizes import UnusableImages
from winnow.data.manifest import load_dataset
from winnow.data.summary import reading_headline, reading_lines
from winnow.files import given
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    try:
        dataset = load_dataset(
            params.data.archive,
            class_names=params.data.class_names,
            split=params.data.split,
            image_size=params.data.image_size,
            max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
            min_images_per_class=params.data.min_images_per_class,
            images_needed=1 if given(params.data.outside_photos) else 2,  # one to train, one to validate
            spool=workspace.scratch("build_manifest"),
            layout=params.data.layout,
            unlabelled=True,
        )
    except UnusableImages as error:
        workspace.write("rejected", error.rejected)
        raise
    workspace.write("manifest", dataset.manifest)
    workspace.write_stream("images", dataset.image_frames())
    workspace.write("classes", dataset.class_names)
    workspace.write("objects", dataset.objects)
    rejected = workspace.write("rejected", dataset.rejected)
    workspace.write("metrics", dataset.counts, stage="manifest")
    print(*reading_lines(dataset), sep="\n")
    return reading_headline(dataset, rejected.as_posix())


if __name__ == "__main__":
    stage.run("build_manifest", main)
