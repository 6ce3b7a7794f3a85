"""What the server knows and may change: the dataset, the two review files, the thresholds."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.review import Review, read_confirmations
from winnow.curation.rules import RULES, in_force
from winnow.curation.rules.rule import Thresholds
from winnow.data.pixels import resized_to
from winnow.evaluation.truth import read_truth
from winnow.params import load_params
from winnow.review.applying import Applying, changes, counts
from winnow.review.base_session import BaseSession
from winnow.review.dataset import Dataset, load_dataset
from winnow.review.groups import Size, map_groups
from winnow.review.originals import Originals
from winnow.review.params_file import digest
from winnow.review.proposals import agreements, grouped, proposed, wrong_labels
from winnow.review.second import SECOND_FILE, compare, read_second, save_second
from winnow.review.similar import Lookalikes, can_embed, text_encoder
from winnow.review.statistics import by_class, by_fault, by_reviewer, by_size
from winnow.review.verdicts import VerdictFile, validation_file
from winnow.review.whatif import WhatIf
from winnow.tables import read_json

VIEWS = (
    *("map", "gallery", "proposals", "groups", "duplicates", "queue", "matrices", "statistics"),
    *("second", "whatif", "validation", "apply"),
)


class Session(BaseSession[Dataset]):
    """A folder in which the cleaning ran."""

    def __init__(self, root: str | Path, *, reviewer: str, columns: Path | None = None) -> None:
        """Args: the folder; who the reviewer is taken to be until they say; a CSV of columns of their own."""
        self._columns, self._groups_lock = columns, threading.Lock()
        self._thresholds: tuple[str, Thresholds] | None = None  # with the digest of the file that they were read from
        super().__init__(root, reviewer=reviewer)
        self.validation = validation_file(self.workspace, lambda: self.dataset.digests_with_photos)
        self.applying = Applying(self.workspace.root)

    @property
    def views(self) -> tuple[str, ...]:
        """All of the cleaning."""
        return VIEWS

    @property
    def _written(self) -> Path:
        return self.workspace.path("ledger")

    def _load(self) -> Dataset:
        return load_dataset(self.workspace, columns=self._columns)

    def _read(self) -> None:
        super()._read()
        data = self._dataset.params.data
        archive = self.workspace.root / data.archive
        self._originals = Originals(archive, max_unpacked_bytes=data.max_unpacked_gb * 2**30)
        self.lookalikes = Lookalikes(
            self._dataset.params.embed.model_dump(),
            self._dataset.class_names,
            self._dataset.stored_images,
            resized_to(data.image_size, data.train_size),
        )
        self._what_if: WhatIf | None = None
        self._proposals: pd.DataFrame | None = None
        self._groups: dict[Size, list[np.ndarray]] = {}

    @property
    def is_reading(self) -> bool:
        return self.applying.reading

    def stop(self) -> None:
        self.applying.stop()  # nobody could stop it any more

    def described(self) -> dict[str, Any]:
        params = self.dataset.params
        embed = params.embed.model_dump()
        return {
            "image_size": params.data.image_size,
            "outside": len(self.dataset.outside),
            "knows_words": text_encoder(embed),
            "embeds_pictures": can_embed(embed),
            "finds_pictures": True,
            "sized_groups": True,
            "validation_limits": {"least": 10, "most": params.validation.max_total},
        }

    def _warm(self) -> None:
        super()._warm()
        self.what_if(self.thresholds(), before=self.thresholds())
        self.groups("medium")  # as the view begins

    def thresholds(self) -> Thresholds:
        """Those in force: of params.yaml as it is now, and of rules that bring their own; raises WinnowError if it is
        not valid."""
        path = self.workspace.root / "params.yaml"
        with self._lock:
            known = self.params_digest() if path.exists() else ""
            if self._thresholds is None or self._thresholds[0] != known:
                self._thresholds = known, in_force(load_params(path).curate.model_dump())
            return self._thresholds[1]

    def params_digest(self) -> str:
        """Of params.yaml as it is now."""
        return digest(self.workspace.root / "params.yaml")

    def has_truth(self) -> bool:
        """Whether a truth file is named and there."""
        return (self.workspace.root / self.dataset.params.data.truth).is_file()

    def what_if(self, thresholds: Thresholds, *, before: Thresholds) -> dict[str, Any]:
        """See `WhatIf`; what people decided so far counts."""
        with self._lock:
            dataset = self.dataset
            if self._what_if is None:
                names, truth = dataset.class_names, self._truth()
                self._what_if = WhatIf(dataset.ledger, class_names=names, thresholds=before, truth=truth)
            return self._what_if(thresholds, review=self.review().rows, before=before)

    def apply(self) -> None:
        """Run the pipeline up to the quick check; raises `Busy` or WinnowError as `Applying.start` does."""
        dataset = self.dataset
        self.applying.start(dataset.ledger, self._quick_figures(), has_classes=bool(dataset.class_names))

    def applied(self) -> dict[str, Any]:
        """How the run goes, as `Applying.snapshot` says it; and when it is done, `before` and `after` (counts and the
        figures of the quick check) and `changed`, as `changes` returns it."""
        answer = self.applying.snapshot()
        before = self.applying.before
        if answer["state"] == "done" and before is not None:
            ledger = self.dataset.ledger
            answer |= {
                "before": {**counts(before), **self.applying.figures_before},
                "after": {**counts(ledger), **self._quick_figures()},
                "changed": changes(before, ledger),
            }
        return answer | {"version": self.version}

    def _quick_figures(self) -> dict[str, Any]:
        """Of the quick check as it was last run; none where it was not."""
        path = self.workspace.path("metrics", stage="quick_check")
        return dict(read_json(path)) if path.is_file() else {}

    def original(self, image_id: str) -> tuple[bytes, str] | None:
        """An image of the dataset at the resolution that it came in, and its media type; as it was embedded where the
        archive has gone or changed; None where there is no such image."""
        dataset = self.dataset
        row = dataset.position.get(image_id)
        if row is not None:
            file_name, digest_then = dataset.ledger.loc[row, ["file_name", "bytes_sha256"]]
            if drawn := self._originals.picture(str(file_name), str(digest_then)):
                return drawn
        return super().original(image_id)

    def proposals(self) -> dict[str, Any]:
        """Groups of proposals as `grouped` returns them, and the wrong labels that `wrong_labels` expects."""
        with self._lock:
            dataset, verdicts = self.dataset, self.review().rows
            proposals = self._proposed()
            titles = {rule.name: rule.title for rule in RULES}
            return {
                "groups": grouped(dataset.ledger, proposals, verdicts, titles=titles),
                "wrong_labels": wrong_labels(dataset.ledger, proposals, verdicts),
            }

    def _proposed(self) -> pd.DataFrame:
        dataset = self.dataset
        if self._proposals is None:
            self._proposals = proposed(dataset.ledger, class_names=dataset.class_names, thresholds=self.thresholds())
        return self._proposals

    def groups(self, size: Size) -> list[np.ndarray] | None:
        """Groups of the map, as `map_groups` returns them; None where there is no map."""
        dataset, known = self.dataset, self._groups
        if dataset.places is None:
            return None
        with self._groups_lock:  # seconds for a large dataset: who asks twice waits, all other questions are answered
            if size not in known:
                places = dataset.places[["x3", "y3", "z3"]].to_numpy()
                known[size] = map_groups(places, dataset.features(), size=size)
            return known[size]

    def statistics(self) -> dict[str, Any]:
        """Figures by class, size, fault and reviewer, as `statistics.py` returns them."""
        with self._lock:
            dataset, verdicts = self.dataset, self.review().rows
            agrees = agreements(self._proposed(), verdicts, dataset.image_id)
        ledger = dataset.ledger
        return {
            "classes": by_class(ledger, agrees, num_classes=len(dataset.class_names)),
            "sizes": by_size(ledger),
            "faults": by_fault(ledger),
            "reviewers": by_reviewer(verdicts, agrees, dataset.image_id),
        }

    def _truth(self) -> pd.DataFrame | None:
        if not self.has_truth():
            return None
        path = self.workspace.root / self.dataset.params.data.truth
        return read_truth(path, class_names=self.dataset.class_names)

    def true_label(self) -> list[int] | None:
        """(N,) true labels in the ledger's order, -1 where one is not known; None where no file knows any."""
        truth = self._truth()
        if truth is None or "true_label" not in truth:
            return None
        known = truth.set_index("image_id")["true_label"].reindex(self.dataset.image_id)
        return [int(label) for label in known.fillna(-1)]

    @property
    def verdict_files(self) -> Mapping[str, VerdictFile]:
        return {**super().verdict_files, "validation": self.validation}

    def reviews(self) -> tuple[Review, ...]:
        return self.review(), self.confirmations(), self.given_tags()

    def confirmations(self) -> Review:
        """validation.csv as the pipeline will read it; raises WinnowError if the pipeline would stop at it."""
        dataset = self.dataset
        images = dataset.digests_with_photos
        return read_confirmations(self.validation.path, images=images, class_names=dataset.class_names)

    def second(self) -> dict[str, Any] | None:
        """The second reviewer's verdicts compared with the own ones, as `compare` returns it, and `notice`, on rows
        without an effect; None where there are none."""
        dataset = self.dataset
        read = read_second(self._second_path, dataset)
        if read is None:
            return None
        label = dataset.ledger["label"].to_numpy()
        compared = compare(self.review().rows, read.rows, image_id=dataset.image_id, label=label)
        notice = " ".join(read.warnings).replace(str(self._second_path), "the file")
        return compared | {"notice": notice}

    def save_second(self, text: str) -> None:
        """See `second.save_second`."""
        save_second(self._second_path, text, self.dataset)

    @property
    def _second_path(self) -> Path:
        return self.workspace.root / SECOND_FILE

    def _outside_ids(self) -> set[str]:
        return set(self.dataset.outside["image_id"])
