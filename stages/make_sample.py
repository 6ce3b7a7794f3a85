"""Write the built-in sample dataset, its clean test set and the truth about its faults."""

from winnow import stage, tables
from winnow.data.sample import make_sample
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    raw = Workspace().root / "data/raw"
    sample = make_sample(**params.sample.model_dump())
    for name, content in (("sample.zip", sample.train_zip), ("sample-test.zip", sample.test_zip)):
        tables.write_bytes(raw / name, content)
    tables.write_csv(sample.truth, raw / "sample-truth.csv")
    n_ood, n_copies = sample.truth["is_ood"].sum(), (sample.truth["duplicate_of"] != "").sum()
    return f"{len(sample.truth)} training images, {n_ood} of them out of distribution and {n_copies} planted copies"


if __name__ == "__main__":
    stage.run("make_sample", main)
