"""`python3 -m winnow.launch SCRIPT ARGUMENTS...`: how dvc.yaml starts every stage.

DVC takes whatever python3 comes first on PATH. Where that is not the environment's, a script would end in a traceback
at its first import; here it is one sentence. Nothing but the standard library is imported, in words that an old Python
reads too.

Every computation gets one thread, whatever the machine and the user's settings: with another number of threads sums are
rounded in another order, and images close to a threshold cross it. Work that falls into parts (images, batches, folds)
is spread over the cores; the training of a network takes `train.threads`.

A third of the time that a stage of few images takes would go into looking for garbage while torch is imported and into
freeing its modules one by one at the end. Both are left out: `winnow.stage.run` turns the collector on again when the
imports are done, and a script that ended well leaves as soon as what was registered for its end has run.
"""

import atexit
import gc
import os
import runpy
import sys
from pathlib import Path

from winnow.extras import how_to_install

OLDEST = (3, 11)
THREADS = {f"{pool}_NUM_THREADS": "1" for pool in ("OMP", "OPENBLAS", "MKL", "NUMBA")}  # read when they are loaded
REMEDY = (
    "stages run with the python3 that PATH finds first; run 'make setup' if .venv is missing or out of date, then "
    "'source .venv/bin/activate', and try again."
)


def main() -> None:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"\nwinnow: {sys.executable} is Python {found}, and winnow needs 3.11 or newer; {REMEDY}\n")
    sys.argv = sys.argv[1:]
    os.environ.update(THREADS)
    sys.path[0] = str(Path(sys.argv[0]).parent)  # as for a script that Python starts itself
    ended_well: list[bool] = []
    atexit.register(lambda: leave() if ended_well else None)  # the first that is registered runs last
    gc.disable()
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        ended_well.append(True)
    except KeyboardInterrupt:  # while the script was still importing
        print("\nwinnow: interrupted; run 'dvc repro' again.\n", file=sys.stderr)
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "winnow":
            raise
        package = error.name.partition(".")[0]
        remedy = f"install it with {how}." if (how := how_to_install(package)) else REMEDY
        sys.exit(f"\nwinnow: {sys.executable} has no package {package}; {remedy}\n")


def leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
