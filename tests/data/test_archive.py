"""Archives: three kinds read alike, and one hostile or broken archive per rule."""

import gzip
import io
import lzma
import os
import re
import struct
import subprocess
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from archives import write_folder, write_silent_zip, write_tar, write_zip, write_zip_of_method
from winnow.data.archive import open_archive, read_in_order
from winnow.data.readers import names
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


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_in_the_order_asked_for_and_leave_nothing_behind(tmp_path, kind):
    path = KINDS[kind](tmp_path / kind, FILES)
    backwards = sorted(FILES, reverse=True)
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        found = list(read_in_order(archive, backwards, scratch=tmp_path / "scratch"))
    assert found == [(name, FILES[name]) for name in backwards]
    assert not list(tmp_path.glob("scratch/*"))


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


def test_hard_links_in_a_tar_are_the_files_that_they_name(tmp_path):
    one = tmp_path / "one.jpg"
    one.write_bytes(b"picture")
    for name in ("two.jpg", "three.jpg"):
        (tmp_path / name).hardlink_to(one)
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("one.jpg", "two.jpg", "three.jpg"):
            archive.add(tmp_path / name, f"./set/{name}")
        assert [entry.islnk() for entry in archive.getmembers()] == [False, True, True]
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        names = ["set/one.jpg", "set/three.jpg", "set/two.jpg"]
        assert dict(archive.items(archive.names())) == dict.fromkeys(names, b"picture")


def test_a_folder_of_links_into_a_cache_is_read(tmp_path):
    """As DVC links its cache, Hugging Face its blobs, and people a folder on a larger disk."""
    cache = write_folder(
        tmp_path / "cache", {"files/md5/ab/cdef": b"first", "blobs/123": b"second", "big/c.txt": b"third"}
    )
    root = write_folder(tmp_path / "set", {"own.txt": b"own"})
    (root / "train").mkdir()
    (root / "train/a.txt").symlink_to(cache / "files/md5/ab/cdef")
    (root / "train/b.txt").symlink_to("../../cache/blobs/123")
    (root / "more").symlink_to(cache / "big", target_is_directory=True)
    (root / "again.txt").symlink_to(root / "train/a.txt")  # a link to a link
    files = {
        "again.txt": b"first",
        "more/c.txt": b"third",
        "own.txt": b"own",
        "train/a.txt": b"first",
        "train/b.txt": b"second",
    }
    with open_archive(root, max_unpacked_bytes=LIMIT) as archive:
        assert dict(archive.items(archive.names())) == files
    root.joinpath("link").symlink_to(root, target_is_directory=True)
    linked = tmp_path / "linked"
    root.joinpath("link").unlink()
    linked.symlink_to(root, target_is_directory=True)
    with open_archive(linked, max_unpacked_bytes=LIMIT) as archive:
        assert dict(archive.items(archive.names())) == files


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_folder_links_that_lead_in_a_circle(tmp_path, target):
    root = write_folder(tmp_path / "above/set", {"cat/a.txt": b"first"})
    (root / "cat/loop").symlink_to(target, target_is_directory=True)
    refused(
        root if target != "../.." else tmp_path / "above", "holds the link", "cat/loop'", "a folder that it lies in"
    )


def test_two_folders_that_link_each_other(tmp_path):
    root = write_folder(tmp_path / "set", {"cat/a.txt": b"first", "dog/b.txt": b"second"})
    (root / "cat/dogs").symlink_to(root / "dog", target_is_directory=True)
    (root / "dog/cats").symlink_to(root / "cat", target_is_directory=True)
    refused(root, "holds the link", "a folder that it lies in")


def test_a_folder_that_may_not_be_opened_stops_the_run(tmp_path, monkeypatch):
    """Root may open everything, so the system's answer is played."""
    root = write_folder(tmp_path / "set", {"cat/a.txt": b"first", "dog/b.txt": b"second", "lost+found/c": b"x"})
    entries = Path.iterdir

    def iterdir(self):
        if self.name in ("dog", "lost+found"):
            raise PermissionError(13, "Permission denied")
        return entries(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    refused(root, "set/dog cannot be opened (Permission denied)", "nothing below it can be read")
    (root / "dog/b.txt").unlink()
    (root / "dog").rmdir()
    with open_archive(root, max_unpacked_bytes=LIMIT) as archive:  # what is the system's own is left out anyway
        assert archive.names() == ["cat/a.txt"] and archive.left_out == {"lost+found/": "system"}


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_a_link_to_a_device_does_not_hang(tmp_path, target):
    root = write_folder(tmp_path / "set", {"cat/a.txt": b"first"})
    (root / "cat/endless.jpg").symlink_to(target)
    refused(root, "'cat/endless.jpg', which is neither a file nor a folder")


def test_a_chain_of_links_and_a_class_that_is_linked_twice(tmp_path):
    root = write_folder(tmp_path / "set", {"cat/a.txt": b"first"})
    (tmp_path / "hop").symlink_to(root / "cat", target_is_directory=True)
    (tmp_path / "hop2").symlink_to("hop", target_is_directory=True)
    (root / "kitten").symlink_to(tmp_path / "hop2", target_is_directory=True)
    (root / "tomcat").symlink_to(root / "cat", target_is_directory=True)
    with open_archive(root, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == ["cat/a.txt", "kitten/a.txt", "tomcat/a.txt"]


def test_a_link_to_itself_and_a_dead_link_of_the_system(tmp_path):
    root = write_folder(tmp_path / "set", {"cat/a.txt": b"first"})
    (root / "cat/.lock").symlink_to("nowhere")  # as editors leave them
    with open_archive(root, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == ["cat/a.txt"] and archive.left_out == {"cat/.lock": "hidden"}
    (root / "cat/b.txt").symlink_to("b.txt")
    refused(root, "cat/b.txt cannot be read (Too many levels of symbolic links)")


def test_folder_with_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path, "'pipe', which is neither a file nor a folder")


@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_an_archive_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "animals.zip")
    refused(tmp_path / "animals.zip", "is a pipe, socket or device; name a folder, zip or tar")


def test_links_that_lead_in_a_circle(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    refused(tmp_path, "a.jpg cannot be read (Too many levels of symbolic links)")


def test_a_link_to_nowhere(tmp_path):
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing")
    refused(tmp_path, "gone.txt cannot be read", f"a link to {tmp_path}/nothing", "dvc checkout")


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
    refused(path, "not UTF-8; rename the file and pack it again.")


def test_a_file_of_a_folder_whose_name_is_no_text_was_never_packed(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/\udcff.txt").write_bytes(b"1")
    refused(tmp_path / "d", "not UTF-8; rename the file.")


# --- litter ---


@pytest.mark.parametrize("kind", KINDS)
def test_litter_is_left_out_and_told(tmp_path, kind):
    litter = {
        ".git/objects/ab/12": "hidden",
        "set/.ipynb_checkpoints/a-checkpoint.jpg": "hidden",
        "set/._a.txt": "hidden",
        "set/.thumbnails/a.jpg": "hidden",
        "set/@eaDir/a.txt/SYNOPHOTO_THUMB_M.jpg": "system",
        "$RECYCLE.BIN/S-1/a.jpg": "system",
        "#recycle/a.jpg": "system",
        "__MACOSX/set/a.jpg": "system",
        "lost+found/#123": "system",
        "System Volume Information/x": "system",
        "set/Thumbs.db": "system",
        "set/desktop.ini": "system",
        "set/a.txt:Zone.Identifier": "system",
        "set/thumbnails/a.jpg": "thumbnail",
    }
    path = KINDS[kind](tmp_path / kind, FILES | dict.fromkeys(litter, b"x"))
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == sorted(FILES)
        assert archive.left_out == litter


def test_links_and_pipes_in_litter_do_no_harm(tmp_path):
    root = write_folder(tmp_path / "set", {"a.txt": b"first", ".venv/x": b"x"})
    (root / ".venv/python").symlink_to("/nothing/here")
    with open_archive(root, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == ["a.txt"] and archive.left_out == {".venv/python": "hidden", ".venv/x": "hidden"}


def test_empty_folders_are_named(tmp_path):
    root = write_folder(tmp_path / "set", {"cat/a.txt": b"first"})
    (root / "dog").mkdir()
    (root / "deep/er").mkdir(parents=True)
    (root / ".hidden").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/a.txt", b"first")
        for name in ("cat/", "dog/", "deep/", "deep/er/", ".hidden/"):
            archive.writestr(name, b"")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, ".")
    for path in (root, tmp_path / "a.zip", tmp_path / "a.tar"):
        with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
            assert archive.empty_folders() == ["deep/er", "dog"]


# --- names ---


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", ["Bär/1.jpg", "Vögel/2.jpg"]),  # macOS, and packers that forget to say so
        ("utf-8", ["猫/写真.jpg"]),
        ("cp437", ["Bär/1.jpg", "Straße/2.jpg"]),  # Windows
        ("cp437", ["éléphant/1.jpg"]),
        ("cp1252", ["Bär/1.jpg", "forêt/2.jpg"]),
        ("cp1252", ["niño/1.jpg"]),
        ("cp932", ["猫/写真あ.jpg", "犬/写真い.jpg"]),  # Shift-JIS
        ("cp932", ["ネコ/1.jpg"]),
        ("cp932", ["桜/1.jpg", "梅/1.jpg"]),
        ("cp866", ["кошка/1.jpg", "собака/1.jpg"]),
        ("cp1251", ["кошка/1.jpg", "собака/1.jpg"]),
        ("gbk", ["新建文件夹/1.jpg"]),
        ("big5", ["新增資料夾/1.jpg"]),
    ],
)
def test_names_of_a_zip_that_is_silent_on_their_encoding(tmp_path, encoding, names):
    path = write_silent_zip(tmp_path / "a.zip", {name: name.encode() for name in ["plain.txt", *names]}, encoding)
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == sorted(["plain.txt", *names])
        assert {name: content.decode() for name, content in archive.items(names)} == {name: name for name in names}


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", ["猫/1.jpg", "狗/1.jpg"]),
        ("cp949", ["고양이/1.jpg", "개/1.jpg"]),
        ("cp1250", ["żółw/1.jpg", "kość/1.jpg"]),
    ],
)
def test_names_that_can_be_read_in_several_ways_are_asked_for(tmp_path, encoding, names):
    path = write_silent_zip(tmp_path / "a.zip", dict.fromkeys(names, b"x"), encoding)
    refused(path, "does not say how its names are encoded", repr(names[0].encode(encoding)), "UTF-8")


def test_the_name_in_unicode_that_a_zip_holds_beside_the_other_wins(tmp_path):
    path = tmp_path / "a.zip"
    write_silent_zip(path, {"猫": b"x"}, "gbk")
    raw, own = "猫".encode("gbk"), "猫".encode()
    field = struct.pack("<HHBL", 0x7075, 5 + len(own), 1, zlib.crc32(raw)) + own
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    directory = bytearray(content[start : content.index(b"PK\x05\x06")] + field)
    struct.pack_into("<H", directory, 30, len(field))
    end = bytearray(content[content.index(b"PK\x05\x06") :])
    struct.pack_into("<L", end, 12, len(directory))
    path.write_bytes(content[:start] + directory + end)
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == ["猫"] and archive.read("猫") == b"x"


@pytest.mark.parametrize("name", ["a:b.jpg", "1:2/x.jpg", "x:.jpg", "cat/b:/c.jpg"])
def test_a_colon_is_no_drive(tmp_path, name):
    for kind, write in KINDS.items():
        with open_archive(write(tmp_path / kind, {name: b"x"}), max_unpacked_bytes=LIMIT) as archive:
            assert archive.names() == [name] and archive.read(name) == b"x"


def test_a_backslash_in_a_folder_is_a_letter_like_any_other(tmp_path):
    with open_archive(write_folder(tmp_path / "set", {"a\\b.jpg": b"x"}), max_unpacked_bytes=LIMIT) as archive:
        assert archive.names() == ["a\\b.jpg"] and archive.read("a\\b.jpg") == b"x"


# --- archives of other kinds, and not whole ---


@pytest.mark.parametrize(
    ("method", "called"),
    [(9, "Deflate64 (Windows"), (98, "PPMd"), (93, "Zstandard"), (6, "Implode"), (77, "method 77")],
)
def test_methods_that_are_not_read_are_not_called_damage(tmp_path, method, called):
    path = write_zip_of_method(tmp_path / "a.zip", FILES, method)
    refused(path, "is sound, but", called, "Deflate, or as a tar")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "7z"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        (b"PK\x07\x08PK\x03\x04", "zip -s 0"),
    ],
)
def test_what_else_people_put_in_the_place_of_an_archive(tmp_path, start, words):
    path = tmp_path / "a.zip"
    path.write_bytes(start + bytes(600))
    refused(path, words)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, "v7"])
def test_every_format_of_tar(tmp_path, form):
    path = tmp_path / "a.tar"
    if form == "v7":
        write_folder(tmp_path / "files", FILES)
        subprocess.run(["tar", "--format=v7", "-C", str(tmp_path / "files"), "-cf", str(path), "."], check=True)
    else:
        with tarfile.open(path, "w", format=form) as archive:
            for name, content in FILES.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert dict(archive.items(archive.names())) == FILES


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("damage", ["flipped", "zeros in its place", "text in its place"])
def test_a_damaged_header_in_a_tar_is_not_taken_for_its_end(tmp_path, mode, damage):
    plain = write_tar(tmp_path / "plain.tar", {f"{i:02}.txt": bytes([65 + i]) * 600 for i in range(12)})
    content = bytearray(plain.read_bytes())
    at = 5 * 1536  # a header and two blocks each
    if damage == "flipped":
        content[at + 10] ^= 0xFF
    else:
        content[at : at + 512] = bytes(512) if damage == "zeros in its place" else b"hello wo" * 64
    path = tmp_path / "a.tar"
    opener = {"w": open, "w:gz": gzip.open, "w:xz": lzma.open}[mode]
    with opener(path, "wb") as file:
        file.write(content)
    refused(path, "goes on behind the mark of its end" if damage.startswith("zeros") else "is damaged or incomplete")


def test_a_tar_that_is_cut_between_two_files(tmp_path):
    path = write_tar(tmp_path / "a.tar", {f"{i}.txt": b"A" * 500 for i in range(20)})
    path.write_bytes(path.read_bytes()[: 10 * 1024])
    refused(path, "is damaged or incomplete", "byte 10,240 without a mark of its end")


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_two_archives_joined_into_one(tmp_path, write):
    first, second = write(tmp_path / "1", {"a.txt": b"1"}), write(tmp_path / "2", {"b.txt": b"2"})
    path = tmp_path / "a"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    refused(path, "joined into one")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_file_that_the_list_of_a_zip_does_not_name_is_not_lost(tmp_path, place, streamed):
    """As an interrupted repair leaves it. A streamed zip has each file's size behind it."""
    path = tmp_path / "a.zip"
    with path.open("wb") as file, zipfile.ZipFile(_Stream(file) if streamed else file, "w") as archive:
        for name in ("cat/1.txt", "cat/2.txt", "dog/1.txt"):
            archive.writestr(name, name.encode())
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert len(archive.names()) == 3
    content = path.read_bytes()
    listed = [*(match.start() for match in re.finditer(b"PK\1\2", content)), content.rindex(b"PK\5\6")]
    first, last = listed[place], listed[place + 1]
    head, tail = content[:first], content[last : listed[3]]
    end = struct.pack("<HHL", 2, 2, len(head) + len(tail) - listed[0]) + content[listed[3] + 16 :]
    path.write_bytes(head + tail + content[listed[3] : listed[3] + 8] + end)
    refused(path, "files before the first" if place == 0 else "that its list of contents does not name")


class _Stream:
    """A file that cannot be sought, as a download that is packed on the fly."""

    def __init__(self, file):
        self.write, self.flush = file.write, file.flush


@pytest.mark.parametrize(
    "header",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a.txt", "GNU.sparse.realsize": "9"},
        {"GNU.sparse.map": "0,x"},
        {"size": "many"},
    ],
)
def test_a_header_of_a_tar_that_makes_no_sense_is_damage(tmp_path, header):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a.txt", "b.txt"):
            entry = tarfile.TarInfo(name)
            entry.size, entry.pax_headers = 5, header if name == "b.txt" else {}
            archive.addfile(entry, io.BytesIO(b"\xffbyte"))
    refused(path, "is damaged or incomplete")


def test_a_zip_that_says_utf_8_of_names_that_are_not(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"Bär.txt": b"x"})
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xe4\xe4"))
    refused(path, "is damaged or incomplete", "utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_too_large_to_be_read_at_once_is_refused_before_it_is(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(names, "LARGEST_FILE", 1000)
    path = KINDS[kind](tmp_path / kind, {"a.bin": bytes(1000), "b.bin": bytes(1001)})
    with open_archive(path, max_unpacked_bytes=LIMIT) as archive:
        assert len(archive.read("a.bin")) == 1000 and archive.size("b.bin") == 1001
    refused(path, "'b.bin'", "is the most that is read of one file")
