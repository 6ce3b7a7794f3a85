"""What DVC prints, in a line per stage."""

import yaml

from winnow.scan.run import TARGETS, told
from winnow.stage import stages_before

DVC_SAYS = """\
'../pets.dvc' didn't change, skipping
Stage 'read' didn't change, skipping
Running stage 'score':
> python3 stages/score.py
warning: few images
score: 12 images
score: 1.5 s, peak memory 100 MB
Generating lock file 'dvc.lock'

Running stage 'train@baseline':
train: not asked for
To track the changes with git, run:
"""


def test_a_line_per_stage_and_what_it_ends_with():
    lines = list(told(DVC_SAYS.splitlines(), ["read", "score", "map"], {"score": "Score all."}))
    assert lines == ["[2/3] Score all", "      warning: few images", "      12 images", "1 of 3 steps were up to date."]


def test_only_what_the_targets_need(tmp_path):
    stages = {
        "read": {"cmd": "", "outs": ["a"]},
        "train": {"foreach": ["x"], "do": {"cmd": "", "deps": ["b"], "outs": ["m"]}},
        "score": {"cmd": "", "deps": ["a"], "metrics": [{"b": {"cache": False}}]},
        "map": {"cmd": "", "deps": ["a", "b"]},
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    assert stages_before(tmp_path / "dvc.yaml", ["map"]) == ["read", "score", "map"]


def test_the_first_answer_needs_no_training_of_the_judges(root):
    stages = stages_before(root / "dvc.yaml", TARGETS)
    assert {"build_manifest", "curate", "select_validation", "project_map"} <= set(stages)
    assert not {"train", "augment", "package_submission", "evaluate", "report", "self_check"} & set(stages)
