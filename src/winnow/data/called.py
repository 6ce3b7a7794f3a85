"""Images looked up by what people call them: a path, its last part, or another name."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from winnow.data.listing import listed
from winnow.errors import WinnowError


@dataclass(frozen=True)
class Names:
    """What the images of a table are called.

    Attributes:
        paths: N paths. One that no other image ends in is enough of it: its last part.
        others: further names that each image has, N of a kind; they come before paths.
    """

    paths: Sequence[str]
    others: Sequence[Sequence[str]] = ()

    def ways(self) -> Iterator[Sequence[str]]:
        """Names of all images, one way to call them after the other."""
        yield from self.others
        yield self.paths
        yield [last_part(path) for path in self.paths]


def last_part(path: str) -> str:
    """A path's file name."""
    return path.rpartition("/")[2]


def find_called(
    asked: str, tables: Sequence[Names], *, known: Sequence[str], missing: str, like: str, where: str = ""
) -> tuple[int, int]:
    """The table and the row of the image that is meant; the first way to call it that fits an image counts.

    Args:
        asked: what it is called.
        tables: where to look, one after the other.
        known: names that people are pointed to where there is no such image.
        missing: how that sentence begins.
        like: how it goes on where no known name looks alike; two of them follow.
        where: behind "name one by its path", where several images are called so.

    Raises:
        WinnowError: if there is none, or several are called so; the message has these, or names that look alike.
    """
    for number, table in enumerate(tables):
        for names in table.ways():
            rows = [row for row, name in enumerate(names) if name == asked]
            if len(rows) > 1:
                every = [path for one in tables for path in one.paths if last_part(path) == asked]
                same = every or [table.paths[row] for row in rows]
                raise WinnowError(
                    f"{len(same)} images are called {asked}: {listed(same)}; name one by its path{where}."
                )
            if rows:
                return number, rows[0]
    close = [name for name in known if asked and asked in name][:3] or difflib.get_close_matches(asked, known, n=3)
    hint = f"did you mean {', '.join(close)}?" if close else f"{like} {', '.join(known[:2])}."
    raise WinnowError(f"{missing}; {hint}")
