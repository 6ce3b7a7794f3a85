"""What a run says: each note once, warnings at the end."""

from rich.console import Console

from winnow.scan.telling import Telling


def test_a_note_is_said_once_and_warnings_wait_for_the_end():
    console = Console(width=40, record=True)
    telling = Telling(console, said=["There are no labels."])
    for line in (
        "[1/2] Read",
        "      note: There are no labels.",
        "      note: Few.",
        "      note: Few.",
        "      63 images",
    ):
        telling.line(line)
    telling.line("      warning: Withheld.")
    assert console.export_text(clear=False).split() == ["[1/2]", "Read", "note:", "Few.", "63", "images"]
    telling.flush(["Withheld.", "32 images are kept."])
    assert console.export_text().splitlines()[-2:] == ["Withheld.", "32 images are kept."]


def test_a_long_line_is_wrapped_at_its_indent_and_markup_is_text():
    console = Console(width=20, record=True)
    Telling(console).line("      one two three four [five]")
    lines = console.export_text().splitlines()
    assert [line.strip() for line in lines] == ["one two three", "four [five]"]
    assert all(line.startswith(" " * 6) for line in lines)
