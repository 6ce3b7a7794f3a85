"""The numerals' grey levels, and how much of what the competition's network sees lies between them.

    python benchmarks/competition_levels.py --shared ../shared    # seconds

Prints the levels of the released images, and of random ones, of a random copy of each, and of that copy brought back to
its original's levels, what the grader's resize makes of them: the share of the ink that is of no level of the released
images, and its mean.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from competition_data import read_numerals, shrunk
from winnow.augmentation.policy.random_moves import random_policy
from winnow.competition.copies import with_levels_of

IMAGES = 500
INK = 250  # darker than this
BETWEEN = 2  # farther than this from every level


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/roman-numerals")
    released = read_numerals(parser.parse_args().shared / "data/roman-numerals/roman-numerals.zip")
    found = Counter(tuple(np.unique(image).tolist()) for image in released.images)
    levels = np.unique(np.concatenate([np.array(one) for one in found]))
    print(f"{len(released.images):,} released images: {dict(found)}")
    rows = np.random.default_rng(0).permutation(len(released.images))[:IMAGES]
    originals, policy = [released.images[row] for row in rows], random_policy()
    copies = [policy.apply(original, seed) for seed, original in enumerate(originals)]
    brought_back = [with_levels_of(*pair) for pair in zip(originals, copies, strict=True)]
    for name, images in (("originals", originals), ("copies", copies), ("copies brought back", brought_back)):
        seen = shrunk(images)[..., 0]
        ink = seen[seen < INK]
        between = np.abs(ink[:, None] - levels).min(axis=1) > BETWEEN
        print(f"{name}: {between.mean():.1%} of the ink between levels, mean {ink.mean():.1f}")


if __name__ == "__main__":
    main()
