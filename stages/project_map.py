"""Places for all images on the review app's map."""

from winnow import stage
from winnow.encoders.columns import picture_features
from winnow.learn.projection import map_images
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    arrays = workspace.arrays("features")
    places = map_images(arrays["image_id"], picture_features(arrays), **params.map.model_dump())
    workspace.write("map", places)
    return f"{len(places)} images by {places['method'].iloc[0]}"


if __name__ == "__main__":
    stage.run("project_map", main)
