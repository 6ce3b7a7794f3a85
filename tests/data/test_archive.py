"""Archives: three kinds read alike, and one hostile or broken archive per rule."""

import gzip
import os
import struct
import tarfile
import tracemalloc
import zipfile

import pytest

from archives import write_folder, write_tar, write_zip
from winnow.data.archive import open_archive
from winnow.errors import WinnowError

FILES = {"set/b.txt": b"second", "set/a.txt": b"first", "set/sub/c.bin": bytes(range(256)) * 40}
LITTER = {"__MACOSX/set/._a.txt": b"x", "set/.DS_Store": b"x", "set/Thumbs.db": b"x", "set/._a.txt": b"x"}
LIMIT = 1_000_000


def tar_of(path, entry):
    with tarfile.open(path, "w") as archive:
        archive.addfile(entry)
    return path


def refused(path, *words, limit=LIMIT):
    """Opening and reading all of `path` fails with one sentence that has all of `words`."""
    with pytest.raises(WinnowError) as caught, open_archive(path, max_unpacked_bytes=limit) as archive:
        list(archive.items(archive.names()))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message


KINDS = {
    "folder": write_folder,
    "a.zip": write_zip,
    "a.tar": write_tar,
    "a.tar.gz": lambda path, files: write_tar(path, files, "w:gz"),
    "a.tar.bz2": lambda path, files: write_tar(path, files, "w:bz2"),
    "a.tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_alike(tmp_path, kind):
    path = KINDS[kind](tmp_path / kind, FILES | LITTER)
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert archive.label == str(path)
        assert archive.names() == sorted(FILES)
        assert dict(archive.items(archive.names())) == FILES
        assert archive.read("set/a.txt") == b"first"
        assert dict(archive.items(["set/b.txt"])) == {"set/b.txt": b"second"}


def test_errors_of_the_reader_itself_are_not_blamed_on_the_archive(tmp_path):
    path = write_zip(tmp_path / "a.zip", FILES)
    with pytest.raises(OSError, match="disk full"), open_archive(path, max_unpacked_bytes=LIMIT):
        raise OSError("disk full")


def test_dots_and_backslashes_are_tidied(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"./set/x.txt": b"x", "set/sub/../y.txt": b"y"})
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == ["set/x.txt", "set/y.txt"]
    path = write_zip(tmp_path / "a.zip", {"set\\x.txt": b"x"})
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == ["set/x.txt"]


def test_missing(tmp_path):
    refused(tmp_path / "none.zip", "there is no archive", "data.archive")


@pytest.mark.parametrize("content", [b"", b"just some text", b"\x89PNG" + bytes(600)])
def test_neither_kind(tmp_path, content):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    refused(path, "is neither a folder, a zip nor a tar")


@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
def test_cut_off(tmp_path, kind):
    path = KINDS[kind](tmp_path / kind, {f"{i}.bin": os.urandom(3000) for i in range(20)})
    path.write_bytes(path.read_bytes()[:-9000] if kind != "a.tar" else path.read_bytes()[:50_000])
    refused(path, "is damaged or incomplete")


def test_flipped_bytes_in_a_zip_are_noticed(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.txt": b"A" * 500}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"AABA", 1))
    refused(path, "is damaged or incomplete", "CRC")


def test_a_gz_that_is_no_tar(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(b"hello" * 1000))
    refused(path, "is damaged or incomplete")


@pytest.mark.parametrize("name", ["../x.txt", "/etc/x.txt", "set/../../x.txt", "C:\\x.txt", "..\\x.txt"])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_entries_that_leave_the_root(tmp_path, write, name):
    refused(write(tmp_path / "archive", {name: b"x"}), repr(name), "leads out of the archive")


def test_folder_entries_that_leave_the_root(tmp_path):
    refused(write_zip(tmp_path / "a.zip", {"../x/": b""}), "leads out of the archive")
    entry = tarfile.TarInfo("../x")
    entry.type = tarfile.DIRTYPE
    refused(tar_of(tmp_path / "a.tar", entry), "leads out of the archive")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_tar_links(tmp_path, kind):
    entry = tarfile.TarInfo("set/link.jpg")
    entry.type, entry.linkname = kind, "/etc/passwd"
    refused(tar_of(tmp_path / "a.tar", entry), "holds the link 'set/link.jpg'")


def test_tar_devices(tmp_path):
    entry = tarfile.TarInfo("set/pipe")
    entry.type = tarfile.FIFOTYPE
    refused(tar_of(tmp_path / "a.tar", entry), "'set/pipe', which is neither a file nor a folder")


def test_zip_links(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("set/link.jpg")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    refused(path, "holds the link 'set/link.jpg'")


def test_folder_links(tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_bytes(b"secret")
    root = write_folder(tmp_path / "set", {"a.txt": b"first"})
    (root / "inside.txt").symlink_to(root / "a.txt")
    with open_archive(root, max_unpacked_bytes=LIMIT) as archive:
        assert archive.read("inside.txt") == b"first"
    (root / "link.txt").symlink_to(outside)
    refused(root, "holds the link 'link.txt'", str(outside))
    (root / "link.txt").unlink()
    (root / "loop").symlink_to(root, target_is_directory=True)
    refused(root, "holds the link 'loop'")


def test_folder_with_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path, "'pipe', which is neither a file nor a folder")


def test_links_that_lead_in_a_circle(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    refused(tmp_path, "a.jpg cannot be read (Too many levels of symbolic links)")


def test_a_link_to_nowhere(tmp_path):
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing")
    refused(tmp_path, "gone.txt cannot be read")


@pytest.mark.parametrize("kind", KINDS)
def test_too_large(tmp_path, kind):
    path = KINDS[kind](tmp_path / kind, {"a.bin": bytes(2**20), "b.bin": bytes(2**20)})
    with open_archive(path, max_unpacked_bytes=2**21) as archive:
        assert len(archive.names()) == 2
    refused(path, "0.00195 GB", "0.00195 GB is the limit", "data.max_unpacked_gb", limit=2**21 - 1)
    refused(path, "0.00195 GB", "0.00146 GB is the limit", limit=1.5 * 2**20)


def test_a_zip_that_understates_its_size_is_not_inflated(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.bin": bytes(50_000_000)})
    true, told = struct.pack("<L", 50_000_000), struct.pack("<L", 1000)
    content = path.read_bytes()
    assert content.count(true) >= 2  # the local header and the central directory
    path.write_bytes(content.replace(true, told))
    tracemalloc.start()
    refused(path, "is damaged or incomplete")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_encrypted(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.txt": b"first"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "is encrypted", "without a password")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_occur_twice(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("set/a.txt", b"1")
        archive.writestr("set/a.txt", b"2")
    refused(path, "holds the name 'set/a.txt' twice")
    path = write_tar(tmp_path / "a.tar", {"set/a.txt": b"1", "./set/a.txt": b"2"})
    refused(path, "holds the name 'set/a.txt' twice")


def test_names_that_are_no_text(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"set/\udcff.txt": b"1"})
    refused(path, "not UTF-8")
