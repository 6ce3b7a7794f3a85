"""What `find_issues` gives: a frame, and what is said of it."""

import base64
import html
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from winnow.export.export import Exported, export_workspace
from winnow.params import load_params
from winnow.scan.findings import Estimates, Kind, estimates, found_kinds
from winnow.workspace import Workspace

_SHOWN, _SIDE = 8, 96
_PICTURE = "object-fit:contain;border:1px solid #8888;border-radius:3px;background:#8882"
COLUMNS = (
    *("image_id", "label", "label_quality_score", "is_label_issue", "suggested_label", "suggested_confidence"),
    *("ood_score", "is_ood", "duplicate_group", "duplicate_of", "image_faults"),
    *("action", "final_label", "rule", "reason"),
)


@dataclass(frozen=True, repr=False)
class Found:
    """What was found in a dataset.

    Attributes:
        frame: a row per image, in the order in which they were given: COLUMNS, with the names of classes for labels (""
            for one that is none). Of an image that could not be read, `action` is `reject`, `rule` and
            `reason` say why, and the scores are missing.
        workspace: where the pipeline ran; `winnow review` opens it.
    """

    frame: pd.DataFrame
    workspace: Path
    _ledger: pd.DataFrame = field(compare=False)

    @property
    def class_names(self) -> list[str]:
        """K names, in label order."""
        return Workspace(self.workspace).class_names

    def kinds(self, top: int = _SHOWN) -> list[Kind]:
        """The worst images of every kind of fault."""
        faults = Workspace(self.workspace).table("image_faults")
        return found_kinds(self._ledger, faults, class_names=self.class_names, thresholds=self._thresholds(), top=top)

    def summary(self) -> str:
        """Counts and estimates, in words."""
        lines = [kind.headline for kind in self.kinds(0)]
        rejected = int((self.frame["action"] == "reject").sum())
        lines += [f"{rejected:,} that could not be read"] if rejected else []
        return "\n".join([*lines, *self._estimates().sentences, f"Workspace: {self.workspace}"])

    def export(self, to: str | Path, form: str | None = None, *, dropped: bool = False, link: bool = False) -> Exported:
        """Write the cleaned dataset; see `winnow.export.export.export_dataset`."""
        return export_workspace(self.workspace, Path(to), form=form, dropped=dropped, link=link)

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        """The worst images of each kind with their pictures, for notebooks."""
        parts = [f"<p>{_with_code(sentence)}</p>" for sentence in self._estimates().sentences]
        for kind in self.kinds():
            if kind.count:
                worst = f", the worst {len(kind.worst)}" if len(kind.worst) < kind.count else ""
                parts.append(f"<h4>{html.escape(kind.headline + worst)}</h4>")
                parts.append(f"<div style='display:flex;flex-wrap:wrap;gap:12px'>{self._cards(kind)}</div>")
        return "".join(parts)

    def _thresholds(self) -> dict[str, Any]:
        return load_params(self.workspace / "params.yaml").curate.model_dump()

    def _estimates(self) -> Estimates:
        return estimates(self._ledger, thresholds=self._thresholds())

    def _cards(self, kind: Kind) -> str:
        ids = kind.worst["image_id"].to_numpy()
        pictures = Workspace(self.workspace).column("images", "image_bytes", of=ids)[:]
        cards = []
        for row, picture in zip(kind.worst.itertuples(), pictures, strict=True):
            becomes = {"relabel": str(row.suggested_label), "drop": "dropped"}.get(str(row.action), "kept")
            shown = [
                str(row.given_label) or str(row.file_name).rpartition("/")[2],
                *([becomes] if kind.decides else []),
            ]
            words = html.escape(" → ".join(shown))
            cards.append(
                f"<figure style='margin:0;width:{_SIDE + 24}px' title='{html.escape(str(row.reason), quote=True)}'>"
                f"<img src='{_data_url(picture)}' width={_SIDE} height={_SIDE} style='{_PICTURE}' alt=''>"
                f"<figcaption><b>{words}</b><br><small>{html.escape(str(row.why))}</small></figcaption></figure>"
            )
        return "".join(cards)


def _with_code(sentence: str) -> str:
    """HTML of a sentence, what stands between backticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(sentence))


def _data_url(picture: bytes) -> str:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail((2 * _SIDE, 2 * _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def read_found(workspace: Path, paths: list[str] | None = None) -> Found:
    """What a pipeline found.

    Args:
        workspace: where it ran.
        paths: of the files of its table, absolute, in the order wanted; None for the order of their names.
    """
    made_in = Workspace(workspace)
    ledger, rejected = made_in.table("ledger"), made_in.table("rejected")
    names = [*made_in.class_names, ""]
    shown = ledger.assign(
        **{column: [names[label] for label in ledger[column]] for column in ("label", "suggested_label", "final_label")}
    )
    others = rejected[["image_id", "file_name"]].assign(
        action="reject", rule=rejected["reason"], reason=rejected["detail"]
    )
    table = pd.concat([shown, others]) if len(others) else shown
    by_file = table.drop_duplicates("file_name").set_index("file_name")
    files = sorted(by_file.index) if paths is None else [_ending(path, by_file.index) for path in paths]
    return Found(by_file.loc[files, list(COLUMNS)].reset_index(drop=True), workspace, ledger)


def _ending(path: str, files: pd.Index) -> str:
    """The name in the archive of an absolute path: what follows the folder that all files share."""
    parts = Path(path).parts
    return next(name for start in range(1, len(parts)) if (name := "/".join(parts[start:])) in files)
