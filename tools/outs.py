"""Compare what the sample's pipeline writes at two revisions: a pure refactoring changes no output.

    python tools/outs.py BASE [REVISION]

Each revision is cloned and run by `dvc repro` with one thread and one epoch of training. The md5 of every output in its
dvc.lock is kept under .winnow/outs/, so that a base is run once. Prints the outputs that differ; the exit status is 1
where there are any.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from sample_run import ROOT, clone_sample, commit_of, differences, outs_of, read_lock, repro, threads

KEPT = ROOT / ".winnow/outs"


def run_revision(revision: str) -> dict[str, str]:
    """The outputs of the sample's pipeline at `revision`, from .winnow/outs where they were made before."""
    sha = commit_of(revision)
    kept = KEPT / f"{sha}.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            clone = clone_sample(Path(folder) / "clone", revision=sha)
            print(f"running {sha[:12]} ...", flush=True)
            if repro(clone, settings=threads(1)).returncode:
                sys.exit(f"dvc repro failed at {sha[:12]}.")
            outs = outs_of(read_lock(clone))
        KEPT.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(outs, indent=1), encoding="utf-8")
    content: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="the revision to compare with")
    parser.add_argument("revision", nargs="?", default="HEAD", help="the revision to compare; HEAD without it")
    arguments = parser.parse_args()
    before, after = run_revision(arguments.base), run_revision(arguments.revision)
    if lines := differences(before, after):
        sys.exit("\n".join(lines))
    print(f"all {len(after)} outputs are equal.")


if __name__ == "__main__":
    main()
