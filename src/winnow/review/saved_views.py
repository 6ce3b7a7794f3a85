"""Saved views: addresses of the app by name, for all who work on a dataset."""

import json
from pathlib import Path

from winnow.errors import WinnowError
from winnow.review.verdicts import locked, replace_durably

VIEWS_FILE = "data/views.json"  # beside data/review, which the pipeline depends on: a view is no reason to run it


class SavedViews:
    """A JSON file of addresses by name; every write reads it anew and replaces it as a whole."""

    def __init__(self, path: Path, *, lock: Path) -> None:
        """Args: the file, which need not exist; a file to lock."""
        self._path, self._lock = path, lock

    def read(self) -> dict[str, str]:
        """Addresses by name, in the order of the names; raises WinnowError if it is no such file."""
        try:
            views = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        except (OSError, ValueError) as error:
            raise WinnowError(f"{self._path} cannot be read as JSON ({error}); fix it, or move it away.") from None
        if not isinstance(views, dict) or not all(isinstance(address, str) for address in views.values()):
            raise WinnowError(f"{self._path} holds no addresses by name; fix it, or move it away.")
        return dict(sorted(views.items()))

    def write(self, name: str, address: str | None) -> dict[str, str]:
        """Save an address under a name, in place of what was there; None forgets it. Returns all, as `read` does."""
        with locked(self._lock):
            views = self.read()
            views.pop(name, None)
            if address is not None:
                views[name] = address
            views = dict(sorted(views.items()))
            replace_durably(self._path, json.dumps(views, indent=2, ensure_ascii=False) + "\n")
        return views
