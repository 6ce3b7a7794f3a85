"""Whether a run is one run: its figures made from its params, not left over from another.

An experiment that was saved after a stage failed (`dvc exp run --keep-going`, `dvc exp save`), or a workspace that was
edited and not run again, holds the metrics of an earlier run under new params. dvc.lock tells.
"""

from collections.abc import Callable, Mapping
from typing import Any

from winnow.stage import leading_to


def not_whole(
    lock: Mapping[str, Any], params: Mapping[str, Any], *, md5: Callable[[str], str | None], needed: str
) -> str:
    """What is wrong with a run, in words; empty if nothing is.

    Args:
        lock: content of dvc.lock.
        params: content of params.yaml.
        md5: of a file of the run, None if the run does not hold it; asked only for outs that git holds.
        needed: the file that says what the run reached.
    """
    stages = lock.get("stages", {})
    outs = {out["path"]: out.get("md5") for stage in stages.values() for out in stage.get("outs", [])}
    if needed not in outs:
        return f"no stage of it ever wrote {needed}"
    for name, stage in stages.items():
        for key, value in stage.get("params", {}).get("params.yaml", {}).items():
            now = _look_up(params, key)
            if now != value:
                return f"stage {name} ran with another {_first_difference(key, value, now)}"
        for dep in stage.get("deps", []):
            if dep["path"] in outs and dep.get("md5") != outs[dep["path"]]:
                return f"stage {name} ran with another {dep['path']}"
    for path, wanted in outs.items():
        found = md5(path)
        if found is not None and wanted is not None and found != wanted:
            return f"{path} is not what its last stage wrote"
    return ""


def upstream(lock: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The part of dvc.lock that leads to the file `path`: the stage that wrote it and those that it builds on."""
    stages = lock.get("stages", {})
    reads, writes = (
        {name: [entry["path"] for entry in stage.get(kind, [])] for name, stage in stages.items()}
        for kind in ("deps", "outs")
    )
    needed = leading_to([name for name, paths in writes.items() if path in paths], reads, writes)
    return {"stages": {name: stage for name, stage in stages.items() if name in needed}}


def _look_up(params: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(params, Mapping) or part not in params:
            return None
        params = params[part]
    return params


def _first_difference(key: str, then: Any, now: Any) -> str:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for part in [*then, *now]:
            if then.get(part) != now.get(part):
                return _first_difference(f"{key}.{part}", then.get(part), now.get(part))
    return f"{key}: {then}, params.yaml says {now}"
