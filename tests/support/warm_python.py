"""A Python that has imported the heavy libraries already: pipelines in tests run DVC, winnow and stages in its forks.

Most of what a stage takes on a tiny archive is `import torch` and the like, in each of twenty stages. `Warm` writes a
`python3` and a `dvc` to put first on PATH. For `python3 -m` one of `NEEDS`, the ways in which tests, DVC and winnow
start each other, they hand arguments, environment and open files to the warm process, which forks and runs them as
Python itself would; for anything else `python3` becomes the real one. No module of winnow is imported before the fork.
A warm DVC writes dvc.lock with libyaml; its own way, in pure Python, takes a second for each stage.
A fork is no member of its caller's process group: what is to be killed has to run without.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

# What to import before the first fork that runs a module.
NEEDS = {
    "winnow.launch": (
        "albumentations",
        "cleanlab.count",
        "cleanlab.rank",
        "faiss",
        "matplotlib.pyplot",
        "pandas",
        "pyarrow.parquet",
        "pydantic",
        "safetensors.torch",
        "scipy.stats",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.neighbors",
        "timm",
        "torch._dynamo",
        "torchvision",
        "yaml",
    ),
    "winnow.cli": ("pandas", "pydantic", "rich.table", "yaml"),
    "dvc": (
        "dulwich.porcelain",
        "dulwich.stash",
        "dulwich.worktree",
        "dvc.cli.parser",
        "dvc.commands.experiments.run",
        "dvc.data_cloud",
        "dvc.ignore",
        "dvc.repo.experiments",
        "dvc.repo.experiments.executor.local",
        "dvc.repo.experiments.queue.celery",
        "dvc.repo.experiments.queue.workspace",
        "dvc.repo.index",
        "dvc.repo.plots",
        "dvc.repo.reproduce",
        "dvc.stage",
        "dvc.utils.hydra",
        "dvc_data.index.checkout",
        "dvc_task.proc.manager",
        "flatten_dict",
        "hydra",
        "networkx",
        "pygit2",
        "ruamel.yaml",
        "scmrepo.git",
    ),
}
_CLIENT = """#!{python} -IS
import json, os, socket, sys
if {name!r} == "dvc":
    sys.argv[1:1] = ["-m", "dvc"]
if sys.argv[1:2] == ["-m"] and sys.argv[2] in {modules!r}:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect({address!r})
        order = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
        socket.send_fds(server, [len(order).to_bytes(8, "big")], [0, 1, 2])
        server.sendall(order)
        answer = server.recv(1)
    os._exit(answer[0] if answer else 1)
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


class Warm:
    """The warm process. It ends with this one.

    Attributes:
        programs: the folder with `python3` and `dvc`, to be put first on PATH.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="winnow-warm-")  # a short path, as a socket's must be
        folder = Path(self._folder.name)
        self.programs = folder / "bin"
        self.programs.mkdir()
        address = str(folder / "socket")
        for name in ("python3", "dvc"):
            client = _CLIENT.format(python=sys.executable, name=name, modules=tuple(NEEDS), address=address)
            (self.programs / name).write_text(client, encoding="utf-8")
            (self.programs / name).chmod(0o755)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(listener.fileno()), str(self.programs / "python3")],
                stdin=subprocess.PIPE,  # at its end the warm process ends
                env=os.environ | _at_start(),
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )


def _at_start() -> dict[str, str]:
    """What stages are started with: libraries read it when they are imported, glibc when the process starts."""
    from winnow.launch import THREADS

    file = Path(__file__).resolve().parents[2] / "dvc.yaml"
    given = {name: value for each in yaml.safe_load(file.read_text())["vars"] for name, value in each.items()}
    return THREADS | dict(setting.split("=") for setting in given["keep_memory"].split())


@functools.cache
def warm_python() -> Warm:
    """The one of this process."""
    return Warm()


def serve(listener: socket.socket) -> list[str]:
    """Fork for every order, answer with its exit status, and kill a script whose caller is gone.

    Returns:
        In a fork, set up as its caller is: the module to run and its arguments. In the warm process, at its end: none.
    """
    running: dict[int, socket.socket] = {}  # caller by process
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    with selectors.DefaultSelector() as ready:
        for source in (sys.stdin.fileno(), woken, listener):
            ready.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj == sys.stdin.fileno():
                    for process in running:
                        os.kill(process, signal.SIGKILL)
                    return []
                if key.fileobj is listener:
                    caller, _ = listener.accept()
                    words, files = _order(caller)
                    for library in NEEDS[words[0][0]]:
                        importlib.import_module(library)
                    if words[0][0] == "dvc":
                        importlib.import_module("dvc.dvcfile").modify_yaml = modify_yaml
                    gc.freeze()  # no fork copies what another would have to look through
                    process = os.fork()
                    if not process:
                        return _become(*words, files)
                    for file in files:
                        os.close(file)
                    running[process] = caller
                    ready.register(caller, selectors.EVENT_READ, process)
                elif key.fileobj == woken:
                    os.read(woken, 1024)
                    for process, status in _ended(running):
                        caller = running.pop(process)
                        ready.unregister(caller)
                        with suppress(OSError), caller:
                            caller.send(bytes([status]))
                elif key.data in running:  # its caller sends nothing more: it is gone
                    os.kill(key.data, signal.SIGKILL)


def _order(caller: socket.socket) -> tuple[tuple[list[str], str, dict[str, str]], list[int]]:
    """Words, folder and environment, and the three open files."""
    length, files, _, _ = socket.recv_fds(caller, 8, 3)
    with caller.makefile("rb") as stream:
        return json.loads(stream.read(int.from_bytes(length, "big"))), files


def _ended(running: dict[int, socket.socket]) -> list[tuple[int, int]]:
    """Processes that ended, with their status as a shell gives it."""
    waited = [os.waitpid(process, os.WNOHANG) for process in running]
    codes = [(process, os.waitstatus_to_exitcode(status)) for process, status in waited if process]
    return [(process, code if code >= 0 else 128 - code) for process, code in codes]


class _Dumper(yaml.CSafeDumper):
    """Writes as DVC does: keys in their order, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(OrderedDict, lambda dumper, data: dumper.represent_dict(data.items()))


@contextmanager
def modify_yaml(path: str, fs: object = None) -> Iterator[dict[str, Any]]:
    """In place of DVC's own, for files without comments."""
    file = Path(path)
    data = yaml.load(file.read_bytes(), yaml.CSafeLoader) if file.exists() else {}
    yield data
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=10**9)
    file.write_text(text, encoding="utf-8")


def _become(words: list[str], folder: str, environment: dict[str, str], files: list[int]) -> list[str]:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sources = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [folder, *map(os.path.abspath, sources), *sys.path[1:]]
    return words


def run(words: list[str]) -> int:
    """Run a module as `python -m` does; its exit status."""
    sys.argv = words
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - whatever ends a script
        traceback.print_exc()
        return 1
    return 0


def end(status: int) -> None:
    """End as Python does, without freeing what was imported before the fork: that takes longer than most stages."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    if words := serve(socket.socket(fileno=int(sys.argv[1]))):
        sys.executable = sys.argv[2]  # what the fork starts with it is warm, too
        end(run(words))
