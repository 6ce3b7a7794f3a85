"""Images looked up by what people call them."""

import pytest

from winnow.data.called import Names, find_called
from winnow.errors import WinnowError

PATHS, IDS = ["cat/a.png", "cat/b.png", "dog/b.png"], ["img_0", "img_1", "img_2"]
SENTENCE = {"known": IDS, "missing": "there is none", "like": "ids look like"}


@pytest.mark.parametrize(("asked", "row"), [("img_2", 2), ("cat/b.png", 1), ("a.png", 0)])
def test_a_name_a_path_and_its_last_part_mean_the_image(asked, row):
    assert find_called(asked, [Names(PATHS, others=(IDS,))], **SENTENCE) == (0, row)


def test_the_first_table_that_has_the_name_counts():
    """The second has a path that ends so, too; the first has two that end in b.png, the second a third."""
    tables = [Names(PATHS), Names(["left/a.png", "left/c.png", "left/b.png"])]
    assert find_called("a.png", tables, **SENTENCE) == (0, 0)
    assert find_called("c.png", tables, **SENTENCE) == (1, 1)
    words = "3 images are called b.png: cat/b.png, dog/b.png, left/b.png; name one by its path there."
    with pytest.raises(WinnowError, match=f"^{words}$"):
        find_called("b.png", tables, **SENTENCE, where=" there")


def test_two_of_one_id_are_listed_by_their_paths():
    with pytest.raises(WinnowError, match=r"^2 images are called x: cat/a\.png, dog/b\.png; name one by its path\.$"):
        find_called("x", [Names(PATHS, others=(["x", "y", "x"],))], **SENTENCE)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("g_1", "did you mean img_1?"),
        ("imq_2", "did you mean img_2, img_1, img_0?"),
        ("zzzz", "ids look like img_0, img_1."),
        ("", "ids look like img_0, img_1."),
    ],
)
def test_what_is_no_image_points_to_names_that_look_alike(asked, hint):
    with pytest.raises(WinnowError) as raised:
        find_called(asked, [Names(PATHS, others=(IDS,))], **SENTENCE)
    assert str(raised.value) == f"there is none; {hint}"
