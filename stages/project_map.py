"""Places for all images on the review app's map."""

import numpy as np
import pandas as pd

from winnow import stage, tables
from winnow.learn.projection import project


def main(params) -> str:
    arrays = tables.read_arrays("data/interim/features.npz")
    three, two, method = project(arrays["features"], **params.map.model_dump())
    columns = {f"{axis}3": three[:, i] for i, axis in enumerate("xyz")}
    columns |= {f"{axis}2": two[:, i] for i, axis in enumerate("xy")}
    frame = pd.DataFrame({"image_id": arrays["image_id"], "method": method, **columns})
    order = np.argsort(arrays["image_id"], kind="stable")
    tables.write_parquet(frame.iloc[order], "data/interim/map.parquet")
    return f"{len(frame)} images by {method}"


if __name__ == "__main__":
    stage.run("project_map", main)
