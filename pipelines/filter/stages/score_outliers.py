"""Rank every image by how odd it is."""

from winnow import stage
from winnow.filtering.outlier_scores import outlier_figures, outlier_scores
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    items = workspace.table("items", ["image_id", "is_filtered"])
    ids = items.loc[items["is_filtered"], "image_id"].to_numpy(dtype=str)
    points = workspace.arrays("points", of=ids)["points"]
    workspace.write("outlier_scores", outlier_scores(ids, points, min_samples=params.outliers.min_samples))
    figures = outlier_figures(points, min_samples=params.outliers.min_samples)
    workspace.write("filter_outliers", figures)
    told = f". {figures['blocks']['sentence']}" if "blocks" in figures else ""
    return f"{figures['images']:,} images{told}"


if __name__ == "__main__":
    stage.run("score_outliers", main)
