"""Score every image by what it does to the fixed network; the label book is the reference and is not trained on."""

from winnow import stage
from winnow.competition.pool import shrunk
from winnow.detect.valuation.everyone import for_all_images, with_names
from winnow.detect.valuation.options import options_of
from winnow.detect.valuation.values import value_images
from winnow.device import best_device
from winnow.files.main import VALUED
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, options = Workspace(), params.valuation
    pool = workspace.table("pool")
    reference, images = pool[pool["split"] == "label_book"], pool[pool["split"] != "label_book"]
    image_id = images["image_id"].to_numpy()
    if not options.enabled:
        workspace.write("competition_values", for_all_images(VALUED.no_rows(), image_id))
        return "off; valuation.enabled in params.yaml turns it on"
    values = value_images(
        image_id,
        shrunk(images["image_bytes"].tolist()),
        images["label"].to_numpy(),
        shrunk(reference["image_bytes"].tolist()) if len(reference) else shrunk(images["image_bytes"].tolist()[:1])[:0],
        reference["label"].to_numpy(),
        num_classes=len(params.competition.class_names),
        **options_of(options),
        scratch=workspace.scratch("value_images"),
        device=best_device(),
    )
    workspace.write("competition_values", with_names(values, reference["image_id"].to_numpy()))
    workspace.remove_scratch("value_images")
    return f"{len(values)} images by {len(reference)} of the label book"


if __name__ == "__main__":
    stage.run("value_images", main)
