"""Score every picture's own faults (dark, light, blurry, grey and so on) with CleanVision."""

from winnow import stage
from winnow.data.pixels import DecodedPixels, resized_to
from winnow.detect.faults.image_faults import FAULTS, count_image_faults, score_image_faults
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    manifest = workspace.table("manifest", ["image_id", "width", "height"])
    image_id = manifest["image_id"].to_numpy()
    side = resized_to(params.data.image_size, params.data.train_size)
    pixels = DecodedPixels(workspace.column("images", "image_bytes", of=image_id), resized_to=side)

    faults = score_image_faults(pixels, manifest["width"].to_numpy(), manifest["height"].to_numpy())
    faults.insert(0, "image_id", image_id)
    counts = count_image_faults(faults)
    workspace.write("image_faults", faults)
    workspace.write("metrics", counts, stage="image_faults")
    found = ", ".join(f"{counts[fault]} {fault.replace('_', ' ')}" for fault in FAULTS if counts[fault])
    return f"{counts['faulty']} of {counts['images']} images have faults" + (f": {found}" if found else "")


if __name__ == "__main__":
    stage.run("find_image_faults", main)
