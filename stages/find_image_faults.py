"""Score every picture's own faults (dark, light, blurry, grey and so on) with CleanVision."""

from winnow import stage, tables
from winnow.data.decode import decode_pixels
from winnow.detect.faults.image_faults import FAULTS, count_image_faults, score_image_faults

IMAGES = "data/interim/images.parquet"


def main(params) -> str:
    manifest = tables.read_parquet("data/interim/manifest.parquet", ["image_id", "width", "height"])
    image_id = manifest["image_id"].to_numpy()
    images = tables.read_parquet(IMAGES)
    image_bytes = images["image_bytes"].to_numpy()[tables.align(image_id, images["image_id"], IMAGES)]
    pixels = decode_pixels(image_bytes, image_size=params.data.image_size)

    faults = score_image_faults(pixels, manifest["width"].to_numpy(), manifest["height"].to_numpy())
    faults.insert(0, "image_id", image_id)
    tables.write_parquet(faults, "data/interim/image_faults.parquet")

    counts = count_image_faults(faults)
    tables.write_json("metrics/image_faults.json", counts)
    found = ", ".join(f"{counts[fault]} {fault}" for fault in FAULTS if counts[fault])
    return f"{counts['faulty']} of {counts['images']} images have faults" + (f": {found}" if found else "")


if __name__ == "__main__":
    stage.run("find_image_faults", main)
