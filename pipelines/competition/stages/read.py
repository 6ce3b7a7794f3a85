"""Read the archive into one table; the bytes stay as they came."""

from winnow import stage
from winnow.competition.pool import read_pool
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    pool = read_pool(params.competition.archive, class_names=params.competition.class_names)
    Workspace().write("pool", pool)
    return ", ".join(f"{split} {count}" for split, count in pool["split"].value_counts().sort_index().items())


if __name__ == "__main__":
    stage.run("read", main)
