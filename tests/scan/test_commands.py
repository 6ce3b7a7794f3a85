"""A scan that finds a workspace where it would make one."""

import pytest
from rich.console import Console

from archives import write_folder
from pictures import picture
from winnow.errors import WinnowError
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
