"""What a run says to a person as it goes on."""

import textwrap
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

_NOTE, _WARNING = "note: ", "warning: "


class Telling:
    """Lines on a console, each note once; warnings wait for the end, where they are read.

    Args:
        console: where to.
        said: notes that were said before.
    """

    def __init__(self, console: Console, said: Iterable[str] = ()) -> None:
        self.warnings: list[str] = []
        self._console, self._said = console, set(said)

    def line(self, line: str) -> None:
        """Print a line as `run.told` gives it, wrapped at its indent."""
        text = line.lstrip()
        if text.startswith(_WARNING):
            self.warnings.append(text.removeprefix(_WARNING))
            return
        if text.startswith(_NOTE):
            note = text.removeprefix(_NOTE)
            if note in self._said:
                return
            self._said.add(note)
        indent = " " * (len(line) - len(text))
        hanging = indent or " " * (text.find("] ") + 2 if text.startswith("[") else 0)
        wrapped = textwrap.wrap(
            text, width=self._console.width, initial_indent=indent, subsequent_indent=hanging, break_on_hyphens=False
        )
        self._console.print(Text("\n".join(wrapped)))

    def flush(self, also: Iterable[str] = ()) -> None:
        """Print the warnings that waited, and then further sentences, none twice."""
        for sentence in dict.fromkeys([*self.warnings, *also]):
            self._console.print(Text(sentence))
        self.warnings.clear()
