"""Write the built-in sample dataset, its clean test set and the truth about its faults."""

from pathlib import Path

from winnow import stage, tables
from winnow.data.sample import make_sample

RAW = Path("data/raw")


def main(params) -> str:
    sample = make_sample(
        seed=params.sample.seed,
        label_noise=params.sample.label_noise,
        ood_share=params.sample.ood_share,
        exact_duplicates=params.sample.exact_duplicates,
        near_duplicates=params.sample.near_duplicates,
    )
    for name, content in (("sample.zip", sample.train_zip), ("sample-test.zip", sample.test_zip)):
        with tables.replacing(RAW / name) as temporary:
            temporary.write_bytes(content)
    tables.write_csv(sample.truth, RAW / "sample-truth.csv")
    n_ood, n_copies = sample.truth["is_ood"].sum(), (sample.truth["duplicate_of"] != "").sum()
    return f"{len(sample.truth)} training images, {n_ood} of them out of distribution and {n_copies} planted copies"


if __name__ == "__main__":
    stage.run("make_sample", main)
