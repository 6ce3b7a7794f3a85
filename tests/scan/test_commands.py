"""A scan that finds a workspace where it would make one."""

from pathlib import Path

import pytest
from rich.console import Console

from archives import write_folder
from pictures import picture
from winnow.errors import WinnowError
from winnow.params import load_params
from winnow.scan.commands import prepare


@pytest.fixture
def pets(tmp_path):
    return write_folder(tmp_path / "pets", {f"{name}/{i}.jpg": picture(i) for name in "ab" for i in range(3)})


@pytest.fixture
def console():
    return Console(width=80, record=True)


def test_a_workspace_is_taken_up_and_its_params_stay(pets, console):
    folder, _ = prepare(pets, None, [], None, console)
    text = (folder / "params.yaml").read_text().replace("class_floor: 1", "class_floor: 2")
    (folder / "params.yaml").write_text(text)
    assert prepare(pets, None, [], None, console) == (folder, [])
    assert folder == pets.parent / "pets-winnow"
    assert (folder / "params.yaml").read_text() == text
    assert "there; what is up to date in it is not computed again" in console.export_text()


def test_a_workspace_of_other_images_or_with_other_params_is_refused(pets, console, tmp_path):
    folder, _ = prepare(pets, None, [], None, console)
    other = write_folder(tmp_path / "others", {f"{name}/{i}.jpg": picture(i) for name in "ab" for i in range(3)})
    with pytest.raises(WinnowError, match="is a workspace for"):
        prepare(other, folder, [], None, console)
    with pytest.raises(WinnowError, match="is set up already"):
        prepare(pets, None, ["curate.class_floor=3"], None, console)
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("  class_floor:", "  class_flor:"))
    with pytest.raises(WinnowError, match="If another version of winnow made this workspace"):
        prepare(pets, None, [], None, console)


def test_nothing_there_is_said_in_words(console, tmp_path):
    with pytest.raises(WinnowError, match="there is nothing at"):
        prepare(tmp_path / "none", None, [], None, console)


@pytest.mark.parametrize("inside", ["w", "a/w"])
def test_a_workspace_inside_the_images_is_refused_and_leaves_nothing(pets, console, inside):
    with pytest.raises(WinnowError, match="would lie in the images; name a folder outside"):
        prepare(pets, pets / inside, [], None, console)
    assert sorted(path.name for path in pets.iterdir()) == ["a", "b"] and len(list((pets / "a").iterdir())) == 3


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.archive=foo", "leave the setting data.archive out"),
        ("data.split=foo", "has no split 'foo'"),
        ("data.class_names=[a]", "fewer than two classes"),
        ("data.class_names=[a, c]", "fewer than two classes"),
        ("data.layout=voc", "is not of the layout voc"),
        ("curate.relabel_confidence=1.5", r"^--set: curate\.relabel_confidence is 1\.5: "),
    ],
)
def test_a_setting_that_does_not_fit_the_images_is_refused_before_anything_is_written(pets, console, setting, words):
    with pytest.raises(WinnowError, match=words):
        prepare(pets, None, [setting], None, console)
    assert [path.name for path in pets.parent.iterdir()] == ["pets"]


def test_classes_that_are_named_are_those_that_are_counted(pets, console, tmp_path):
    write_folder(pets, {f"c/{i}.jpg": picture(i) for i in range(3)})
    prepare(pets, None, ["data.class_names=[b, a]"], None, console)
    said = console.export_text()
    assert "not usable: unknown-class" in said and said.index("\n b ") < said.index("\n a ")


@pytest.mark.parametrize("place", ["/dev/null/x", "/proc/x"])
def test_a_workspace_that_cannot_be_written_is_one_sentence(pets, console, place):
    with pytest.raises(WinnowError, match=rf"^{place} cannot be written \(.*\); name another folder\.$"):
        prepare(pets, Path(place), [], None, console)


def test_a_single_image_is_told_to_be_one(console, tmp_path):
    with pytest.raises(WinnowError, match=r"has one image only, 1\.jpg; two images or more are needed"):
        prepare(write_folder(tmp_path / "one", {"1.jpg": picture(1)}), None, [], None, console)


def test_the_stages_of_a_workspace_read_as_much_as_the_scan_did(pets, console):
    with pytest.raises(WinnowError, match=r"data\.max_unpacked_gb"):
        prepare(pets, None, ["data.max_unpacked_gb=0.000001"], None, console)
    folder, _ = prepare(pets, None, [], None, console)
    assert load_params(folder / "params.yaml").data.max_unpacked_gb == 64.0
