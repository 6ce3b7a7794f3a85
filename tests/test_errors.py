"""Errors as a user reads them: the system's faults are one sentence, defects keep their traceback."""

import errno
import subprocess
import sys

import pytest
import torch

from stub_project import environment
from winnow.errors import WinnowError, in_words, one_sentence

# A limit on the size of files stands for a disk that is full: the same calls fail, with another number.
FULL = """
import resource, signal
from pathlib import Path
import numpy as np, pandas as pd, torch
from winnow import checkpoint, tables
from winnow.errors import one_sentence
from winnow.models.weights import save_model
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
values = np.random.default_rng(0).random(20_000)
with one_sentence():
    {call}
"""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (WinnowError("a is b; do c."), "a is b; do c."),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full; free some space, then run"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "out.json"), "out.json: the disk quota is used up"),
        (
            PermissionError(errno.EACCES, "Permission denied", ".winnow/x"),
            ".winnow/x: access is denied; check who owns",
        ),
        (FileExistsError(errno.EEXIST, "File exists", "out"), "out: a file lies where a folder belongs"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), "the name is too long for the file system"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "starts no more processes or threads"),
        (RuntimeError("can't start new thread"), "starts no more processes or threads"),
        (MemoryError(), "the memory is used up"),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: you tried"), "the memory is used up"),
        (torch.OutOfMemoryError("CUDA out of memory"), "the GPU's memory is used up"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(error, words, capsys):
    sentence = in_words(error)
    assert words in sentence and sentence.endswith(".") and "\n" not in sentence
    with pytest.raises(SystemExit) as ended, one_sentence():
        raise error
    assert ended.value.code == 1 and capsys.readouterr().err == f"winnow: {sentence}\n"


@pytest.mark.parametrize(
    "error", [ValueError("x"), RuntimeError("x"), OSError("x"), FileNotFoundError(2, "No such", "a")]
)
def test_other_errors_are_defects_and_keep_their_traceback(error):
    assert in_words(error) is None
    with pytest.raises(type(error)), one_sentence():
        raise error


@pytest.mark.parametrize(
    "call",
    [
        "tables.write_bytes('out', b'x' * 100_000)",
        "tables.write_json('out', values)",
        "tables.write_csv(pd.DataFrame({'a': values}), 'out')",
        "tables.write_parquet(pd.DataFrame({'a': values}), 'out')",
        "tables.write_arrays('out', a=values)",
        "checkpoint.save_checkpoint(Path('out'), {'a': torch.rand(20_000)})",
        "save_model({'a': torch.rand(20_000)}, 'out', network='resnet34', num_classes=2)",
    ],
)
def test_a_writer_that_meets_a_full_disk_names_the_file_and_leaves_nothing(tmp_path, call):
    (tmp_path / "out").write_text("before")
    command = [sys.executable, "-c", FULL.format(call=call)]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("winnow: out: a file grew beyond what the system") and done.stderr.count("\n") == 1
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out", "before")]
