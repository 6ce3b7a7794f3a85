"""Writing the review files: atomic, one row per image, never over a verdict that was not seen."""

import multiprocessing
import os
import signal
import time

import pandas as pd
import pytest

from winnow.curation.review import read_confirmations, read_review, seen_by_people, trusted_labels
from winnow.errors import WinnowError
from winnow.review.verdicts import Change, Conflict, decisions_file, validation_file
from winnow.workspace import Workspace

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def verdict(action, reviewer="ada", label="", reason=""):
    return {"action": action, "label": label, "reviewer": reviewer, "reason": reason}


def test_a_verdict_becomes_a_row_that_the_pipeline_reads(tmp_path):
    file = decisions_file(Workspace(tmp_path))
    file.apply([Change("img_a", None, verdict("relabel", label="lynx", reason='ears, "tufted"'))])
    review = read_review(file.path, images={"img_a": A}, class_names=["cat", "lynx"])
    assert review.rows.iloc[0].tolist() == ["img_a", "relabel", 1, "ada", 'ears, "tufted"']
    assert not list(file.path.parent.glob("*.tmp")) and file.path.parent.name == "review"


def test_undo_takes_the_row_away_and_brings_an_older_one_back(tmp_path):
    file = decisions_file(Workspace(tmp_path))
    file.apply([Change("img_a", None, verdict("keep", "grace"))])
    file.apply([Change("img_a", verdict("keep", "grace"), verdict("drop"))])
    file.apply([Change("img_a", verdict("drop"), verdict("keep", "grace"))])
    assert file.read()["img_a"]["reviewer"] == "grace"
    file.apply([Change("img_a", verdict("keep", "grace"), None)])
    assert file.read() == {}


def test_a_verdict_that_was_not_seen_is_never_overwritten(tmp_path):
    one, two = decisions_file(Workspace(tmp_path)), decisions_file(Workspace(tmp_path))
    one.apply([Change("img_a", None, verdict("keep"))])
    before = one.path.read_bytes()
    with pytest.raises(Conflict) as conflict:
        two.apply([Change("img_b", None, verdict("keep")), Change("img_a", None, verdict("drop"))])
    assert conflict.value.current["img_a"]["action"] == "keep"
    assert one.path.read_bytes() == before  # all or none: img_b is not there either


def test_the_same_verdict_twice_is_no_conflict(tmp_path):
    file = decisions_file(Workspace(tmp_path))
    for _ in range(2):  # an answer was lost and the browser sent again
        file.apply([Change("img_a", None, verdict("keep"))])
    assert len(file.read()) == 1


def test_what_people_wrote_by_hand_stays(tmp_path):
    file = decisions_file(Workspace(tmp_path))
    file.path.parent.mkdir(parents=True)
    file.path.write_text("\ufeffimage_id,action,label,reviewer,looked_at\nimg_a,keep,,grace,monday\n", encoding="utf-8")
    file.apply([Change("img_b", None, verdict("drop", reason="drawing"))])
    lines = file.path.read_text().splitlines()
    assert lines[0] == "\ufeffimage_id,action,label,reviewer,looked_at,bytes_sha256,reason"
    assert lines[1:] == ["img_a,keep,,grace,monday,,", "img_b,drop,,ada,,,drawing"]


def test_a_reason_with_a_bare_comma_stays_whole(tmp_path):
    file = decisions_file(Workspace(tmp_path))
    file.path.parent.mkdir(parents=True)
    file.path.write_text("image_id,action,label,reviewer,reason\nimg_a,drop,,grace,blurry, and far too dark\n")
    file.apply([Change("img_b", None, verdict("keep"))])
    assert '"blurry, and far too dark"' in file.path.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no column 'image_id'"),
        ("image_id,action,label,reviewer\nimg_a,keep,,x\nimg_a,drop,,x\n", "line 3: the image_id 'img_a'"),
        (b"\xff\xfe\x00", "cannot be read"),
        ('image_id,action,label,reviewer\nimg_a,keep,,"x\nimg_c,drop,,x\n', "line 2: the quotes do not match"),
        ('image_id,action,label,reviewer\nimg_a,keep,,"x\nimg_c,drop,,y"\n', "line 2: a quote is left open"),
    ],
)
def test_a_broken_file_is_left_alone(tmp_path, text, words):
    file = decisions_file(Workspace(tmp_path))
    file.path.parent.mkdir(parents=True)
    content = text if isinstance(text, bytes) else text.encode()
    file.path.write_bytes(content)
    with pytest.raises(WinnowError, match=f"{words}.* Nothing was saved"):
        file.apply([Change("img_b", None, verdict("drop"))])
    assert file.path.read_bytes() == content


def test_a_row_follows_its_image_and_none_is_lost_when_files_are_renumbered(tmp_path):
    """img_b is the old img_a; the old img_b is gone, and so is img_x. The new img_a is decided on."""
    file = decisions_file(Workspace(tmp_path), lambda: {"img_a": C, "img_b": A})
    file.path.parent.mkdir(parents=True)
    header = "image_id,action,label,reviewer,bytes_sha256,reason\n"
    rows = [f"img_a,drop,,ada,{A},old a\n", f"img_b,keep,,ada,{B},old b\n", "img_x,keep,,ada,,\n"]
    file.path.write_text(header + "".join(rows))
    assert {name: row["reason"] for name, row in file.read().items()} == {"img_b": "old a", "img_x": ""}
    file.apply([Change("img_a", None, verdict("keep", reason="new a"))])
    lines = file.path.read_text().splitlines()[1:]
    assert lines == [
        f"img_b,drop,,ada,{A},old a",
        "img_x,keep,,ada,,",
        f"img_a,keep,,ada,{C},new a",
        f"img_b,keep,,ada,{B},old b",
    ]
    with pytest.raises(Conflict) as conflict:  # the verdict that it has now is not the one of its old name
        file.apply([Change("img_b", verdict("keep"), None)])
    assert conflict.value.current["img_b"]["reason"] == "old a"
    file.apply([Change("img_b", verdict("drop", reason="old a"), None)])
    assert [line.split(",")[0] for line in file.path.read_text().splitlines()[1:]] == ["img_x", "img_a", "img_b"]


def test_a_spreadsheet_s_file_stays_one(tmp_path):
    file = decisions_file(Workspace(tmp_path))
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes("\ufeffimage_id;action;label;reviewer;reason\r\nimg_a;drop;;ada;öde\r\n;;;;\r\n".encode())
    file.apply([Change("img_b", None, verdict("keep", reason="so; so"))])
    assert file.path.read_text(encoding="utf-8").splitlines() == [
        "\ufeffimage_id;action;label;reviewer;bytes_sha256;reason",
        "img_a;drop;;ada;;öde",
        'img_b;keep;;ada;;"so; so"',
    ]


def _write_many(folder, name, count):
    file = decisions_file(Workspace(folder))
    for i in range(count):
        file.apply([Change(f"img_{name}{i}", None, verdict("keep", name))])


def test_two_servers_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(tmp_path, name, 25)) for name in ("ada", "grace")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(decisions_file(Workspace(tmp_path)).read()) == 50


def test_a_kill_leaves_a_whole_file(tmp_path):
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_write_many, args=(tmp_path, "ada", 100_000))
    worker.start()
    file, deadline = decisions_file(Workspace(tmp_path)), time.monotonic() + 60
    while len(file.read()) < 20:
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.01)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    rows = file.read()
    assert len(rows) >= 20 and all(row["action"] == "keep" for row in rows.values())
    file.apply([Change("img_after", None, verdict("drop"))])  # the lock died with the process
    assert "img_after" in file.read()


def test_confirmations_are_read_and_checked(tmp_path):
    file = validation_file(Workspace(tmp_path))
    file.apply(
        [
            Change("img_a", None, {"label": "lynx", "verdict": "confirm", "reviewer": "ada", "reason": ""}),
            Change("img_outside-1", None, {"label": "", "verdict": "reject", "reviewer": "ada", "reason": "a toy"}),
        ]
    )
    names, images = ["cat", "lynx"], {"img_a": A, "img_outside-1": B}
    answers = read_confirmations(file.path, images=images, class_names=names).rows
    assert answers["label"].tolist() == [1, -1] and answers["verdict"].tolist() == ["confirm", "reject"]
    assert seen_by_people(file.path.parent, images={"img_a": A}) == {"img_a"}
    file.path.write_text("image_id,label,verdict,reviewer\nimg_a,cat,maybe,ada\n")
    with pytest.raises(WinnowError, match="the verdict is 'maybe'; it must be one of confirm, reject"):
        read_confirmations(file.path, images=images, class_names=names)
    file.path.write_text("image_id,label,verdict,reviewer\nimg_a,,confirm,ada\n")
    with pytest.raises(WinnowError, match="the label is ''"):
        read_confirmations(file.path, images=images, class_names=names)


def test_which_labels_people_trust(tmp_path):
    ids = [f"img_{letter}" for letter in "abcdefgh"]
    manifest = pd.DataFrame(
        {
            "image_id": ids,
            "label": [0, 0, 0, 0, 1, 1, 1, 1],
            "bytes_sha256": [A] + [letter * 64 for letter in "1234567"],
        }
    )
    (tmp_path / "validation.csv").write_text(
        "image_id,label,verdict,reviewer\nimg_a,cat,confirm,ada\nimg_b,,reject,ada\nimg_c,cat,confirm,ada\n"
        "img_e,cat,confirm,ada\nimg_f,cat,confirm,ada\nimg_photo,cat,confirm,ada\n"
    )
    (tmp_path / "decisions.csv").write_text(
        "image_id,action,label,reviewer\nimg_c,drop,,ada\nimg_d,keep,,ada\nimg_e,relabel,cat,ada\nimg_f,keep,,ada\n"
        "img_g,relabel,cat,ada\n"
    )
    confirmed, rejected = trusted_labels(tmp_path, manifest, class_names=["cat", "lynx"])
    assert confirmed[confirmed.index.isin(ids)].to_dict() == {"img_a": 0, "img_e": 0}
    assert rejected == {"img_b", "img_c", "img_f", "img_g"}
    nobody = trusted_labels(tmp_path / "none", manifest, class_names=["cat", "lynx"])
    assert nobody[0].empty and nobody[1] == set()
