"""A second pipeline, in a folder of its own: the same library and stage scripts, its own data, params and lock."""

import shutil

import yaml

import deps
from tiny_project import CHANGES, clone, dvc
from winnow.workspace import Workspace

DVC_YAML = """\
vars:
  - python: PYTHONPATH=../../src python
stages:
  read: # another name than the script's
    cmd: ${python} ../../stages/build_manifest.py
    deps:
      - ${data.archive}
      - ../../stages/build_manifest.py
    params:
      - data
    outs:
      - data/interim/manifest.parquet
      - data/interim/images.parquet
      - data/interim/classes.json
      - data/interim/rejected.csv
    metrics:
      - metrics/manifest.json:
          cache: false
  embed:
    cmd: ${python} ../../stages/embed.py
    deps:
      - data/interim/manifest.parquet
      - data/interim/images.parquet
      - data/interim/classes.json
      - ../../stages/embed.py
    params:
      - data
      - embed
    outs:
      - data/interim/features.npz
      - data/interim/embedding.json
  find_duplicates:
    cmd: ${python} ../../stages/find_duplicates.py
    deps:
      - data/interim/manifest.parquet
      - data/interim/images.parquet
      - data/interim/features.npz
      - ../../stages/find_duplicates.py
    params:
      - data
      - duplicates
    outs:
      - data/interim/duplicates.parquet
    metrics:
      - metrics/duplicates.json:
          cache: false
"""


def test_a_pipeline_below_the_root_runs_by_itself(root, tmp_path):
    project = clone(root, tmp_path / "tiny")
    second = project / "pipelines/second"
    (second / "data/raw").mkdir(parents=True)
    shutil.move(project / "data/raw/tiny.zip", second / "data/raw/tiny.zip")  # the root's pipeline has no data now
    (second / "dvc.yaml").write_text(deps.with_deps(DVC_YAML, root, root / "pipelines/second"))
    params = yaml.safe_load((project / "params.yaml").read_text())
    params = {name: params[name] for name in ("data", "embed", "duplicates")}  # no section that its stages do not need
    params["embed"]["trained"] |= {"epochs": 1}
    (second / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    dvc(second, "repro")
    workspace = Workspace(second)
    assert len(workspace.table("manifest")) == 255 and workspace.class_names == CHANGES["data"]["class_names"]
    kinds = workspace.table("duplicates").set_index("image_id")["duplicate_kind"]
    assert (kinds[[f"img_copy{i}" for i in range(6)]] == "exact").all()
    assert (second / "dvc.lock").exists() and not (project / "data/interim").exists()

    assert "Data and pipelines are up to date" in dvc(second, "repro")
    params["duplicates"]["max_hash_distance"] = 0
    (second / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    again = dvc(second, "repro")
    assert "Running stage 'find_duplicates'" in again and "Running stage 'embed'" not in again

    del params["embed"]
    (second / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    refused = dvc(second, "repro", "-sf", "find_duplicates", fails=True)
    assert "winnow: find_duplicates: params.yaml: embed is missing" in refused
