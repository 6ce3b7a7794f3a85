"""What git knows of runs: where experiments, branches and tags point, and the files in them."""

import os
import subprocess
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from winnow.errors import WinnowError
from winnow.programs import run_git

WORKSPACE = "workspace"
HEAD = "HEAD"
_INTERNAL = ("exec", "stash", "apply", "celery", "temp")  # DVC's own refs among those of experiments


@dataclass(frozen=True)
class Experiment:
    """A DVC experiment: its name, its commit, and the commit that it hangs off."""

    name: str
    rev: str
    baseline: str
    ref: str


def require_git(folder: Path) -> None:
    """Raise WinnowError if a folder is in no git repository, as what a downloaded zip holds."""
    if not any((place / ".git").exists() for place in (folder, *folder.parents)):
        raise WinnowError(
            f"{folder} is in no git repository, which DVC needs and a downloaded zip lacks; run 'git init' there, then "
            "'git add --all' and 'git commit', or clone the repository."
        )


class Repository:
    """A git repository whose root is also DVC's."""

    def __init__(self, root: Path) -> None:
        """Open the repository at `root`; raises WinnowError if that is not the root of one with a commit."""
        self.root = root.resolve()
        require_git(self.root)
        top = self.git("rev-parse", "--show-toplevel").strip()
        if Path(top).resolve() != self.root:
            raise WinnowError(
                f"{self.root} is not the repository's root; run from {top}. Experiments of a pipeline below the root "
                "are listed by 'dvc exp show' in its folder."
            )
        if not self._succeeds("rev-parse", "--verify", "--quiet", "HEAD"):
            raise WinnowError("the repository has no commit yet, and experiments hang off one; commit first.")

    def git(self, *arguments: str) -> str:
        """Standard output of a git command; raises WinnowError with git's own words if it fails."""
        done = self._run(*arguments)
        if done.returncode:
            reason = os.fsdecode(done.stderr).strip() or "no reason given"
            raise WinnowError(f"git {' '.join(arguments[:2])} failed: {reason}")
        return os.fsdecode(done.stdout)

    def _succeeds(self, *arguments: str) -> bool:
        return self._run(*arguments).returncode == 0

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return run_git(self.root, *arguments)

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def experiments(self) -> list[Experiment]:
        """Every finished experiment, whatever it hangs off, oldest first."""
        lines = self.git("for-each-ref", "--sort=creatordate", "--format=%(objectname) %(refname)", "refs/exps")
        found = []
        for line in lines.splitlines():
            rev, ref = line.split(" ", 1)
            parts = ref.split("/")
            if len(parts) == 5 and parts[2] not in _INTERNAL:
                found.append(Experiment(name=parts[4], rev=rev, baseline=parts[2] + parts[3], ref=ref))
        return found

    def resolve(self, name: str) -> str:
        """The commit of an experiment, branch, tag or commit; `workspace` stays what it is.

        An experiment that hangs off HEAD wins over a branch of the same name, and that over other experiments.

        Raises:
            WinnowError: if there is no such run, or several experiments elsewhere share the name.
        """
        if name == WORKSPACE:
            return WORKSPACE
        named = [experiment for experiment in self.experiments() if experiment.name == name]
        here = [experiment.rev for experiment in named if experiment.baseline == self.head()]
        if here:
            return here[0]
        if self._succeeds("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
            return self.git("rev-parse", f"{name}^{{commit}}").strip()
        if len(named) > 1:
            raise WinnowError(
                f"{len(named)} experiments are called {name!r}, none of them on this commit; "
                f"name one by its commit: {', '.join(experiment.rev[:7] for experiment in named)}."
            )
        if named:
            return named[0].rev
        branches = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags").split()
        known = [WORKSPACE, *(experiment.name for experiment in self.experiments()), *branches]
        close = get_close_matches(name, known, n=3) or known[:3]
        raise WinnowError(
            f"there is no experiment, branch or tag {name!r} (did you mean {', '.join(close)}?); "
            "'dvc exp list --all' shows the experiments."
        )

    def read(self, path: str | Path, rev: str) -> bytes | None:
        """A file as it is in a commit or in the workspace; None if it is not there."""
        if rev == WORKSPACE:
            file = self.root / path
            return file.read_bytes() if file.is_file() else None
        done = self._run("show", f"{rev}:{path}")
        return done.stdout if done.returncode == 0 else None

    def uncommitted(self, paths: list[str]) -> list[str]:
        """Files under `paths` that git does not ignore and that differ from the last commit."""
        lines = self.git("status", "--porcelain", "--untracked-files=all", "-z", "--", *paths).split("\0")
        return [line[3:] for line in lines if line]

    def untracked(self, paths: list[str]) -> list[str]:
        """Files under `paths` that git does not hold, ignored ones too."""
        return [file for file in self.git("ls-files", "--others", "-z", "--", *paths).split("\0") if file]
