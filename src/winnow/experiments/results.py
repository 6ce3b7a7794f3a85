"""Whether this machine has the results that dvc.lock names.

It may not: the last commit may be another machine's, whose last bits differ. DVC 3 then computes a stage anew even
where its run cache holds a run of the same command on the same inputs, for it looks for the outputs in dvc.lock alone
(`dvc.stage.cache.StageCache.restore`). A stage without an entry is looked up in the run cache.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.dvcfile import Lockfile
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage

from winnow.dvc_files import repair
from winnow.errors import WinnowError


@contextmanager
def dvc_repository(root: Path) -> Iterator[Repo]:
    """DVC's view of a repository, with what a kill left cut put right.

    Raises:
        WinnowError: with DVC's own words, where DVC cannot read it.
    """
    for sentence in repair(root):
        print(f"winnow: {sentence}", file=sys.stderr, flush=True)
    try:
        with Repo(str(root)) as repo:
            yield repo
    except DvcException as error:
        words = str(error).splitlines()[0].rstrip(".")
        remedy = "; 'git checkout dvc.lock' brings back the last commit's" if "dvc.lock" in words else ""
        raise WinnowError(f"DVC cannot read the pipeline: {words}{remedy}.") from None


def lock_file(stage: PipelineStage) -> Path:
    """The dvc.lock in which a stage's results are named."""
    return Path(stage.path).with_suffix(".lock")


def stages_of(repo: Repo, folder: Path) -> list[PipelineStage]:
    """The stages of the dvc.yaml in a folder; those of pipelines below it are theirs."""
    own = (folder / "dvc.yaml").resolve()
    return [
        stage for stage in repo.index.stages if isinstance(stage, PipelineStage) and Path(stage.path).resolve() == own
    ]


def not_in_cache(repo: Repo, folder: Path) -> list[PipelineStage]:
    """The stages of a folder's pipeline with an output in dvc.lock that DVC's cache lacks.

    Outputs that git holds are left out.
    """
    return [
        stage
        for stage in stages_of(repo, folder)
        if any(out.use_cache and out.hash_info and out.changed_cache() for out in stage.outs)
    ]


def in_place(stage: PipelineStage) -> bool:
    """Whether a stage's outputs in the workspace are those that dvc.lock names."""
    return all(out.exists and not out.changed_checksum() for out in stage.outs if out.use_cache)


def forget_missing(repo: Repo, folder: Path) -> list[str]:
    """Take the stages whose results are neither in the cache nor in place out of a folder's dvc.lock.

    Without a run cache nothing was computed here, and dvc.lock stays as it is.

    Returns:
        The names of the stages, in the pipeline's order.
    """
    if not Path(repo.stage_cache.cache_dir).is_dir():
        return []
    with repo.lock:
        missing = [stage for stage in not_in_cache(repo, folder) if not in_place(stage)]
        for stage in missing:
            Lockfile(repo, str(lock_file(stage))).remove_stage(stage)
    return [stage.name for stage in missing]
