"""Your own data under DVC: what the repository's .gitignore lets through, in a repository of its own."""

import shutil
from pathlib import Path

import pytest

from stub_project import call


@pytest.fixture
def repository(root, tmp_path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in (".gitignore", ".dvcignore", "data/raw/README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, folder / name)
    call(folder, "git", "init", "-q")
    call(folder, "dvc", "init", "-q")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-q", "-m", "start")
    return folder


@pytest.mark.parametrize(
    "path",
    [
        "data/raw/animals.zip",
        "data/raw/truth.csv",
        "data/raw/animals/cat/1.jpg",  # a folder: all of it is one output
        "data/raw/2024/spring/test.tar.gz",
        "weights/clip.safetensors",
    ],
)
def test_dvc_keeps_what_git_does_not(repository, tmp_path, path):
    file = repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("content")
    call(repository, "git", "add", "-A")
    assert call(repository, "git", "status", "--porcelain") == ""  # 'git add --all' takes no dataset in
    added = "data/raw/animals" if "/cat/" in path else path
    call(repository, "dvc", "add", added)
    call(repository, "git", "add", "-A")
    call(repository, "git", "commit", "-q", "-m", "add")
    held = call(repository, "git", "ls-files").splitlines()
    assert f"{added}.dvc" in held and path not in held

    clone = tmp_path / "clone"
    call(tmp_path, "git", "clone", "-q", str(repository), str(clone))
    call(clone, "dvc", "config", "--local", "cache.dir", str(repository / ".dvc/cache"))
    call(clone, "dvc", "checkout")
    assert (clone / path).read_text() == "content"


def test_the_place_for_archives_is_there_in_a_fresh_clone(root):
    assert "data/raw/README.md" in call(root, "git", "ls-files", "data/raw")
