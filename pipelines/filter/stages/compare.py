"""Ask a probe whether choosing pays, beside random choices and other rules."""

import numpy as np

from winnow import stage
from winnow.filtering.pays import pays
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    features = np.load(workspace.path("layer_features"), mmap_mode="r")
    result = pays(workspace.table("items"), features, **params.pays.model_dump())
    workspace.write("pays_metrics", result.figures())
    workspace.write("pays", result.table)
    return result.sentence


if __name__ == "__main__":
    stage.run("compare", main)
