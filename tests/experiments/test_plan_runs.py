"""What configs/sweeps and configs/ablations may say, and what becomes of it."""

import pytest
import yaml

from winnow.errors import WinnowError
from winnow.experiments.plan import (
    PlannedRun,
    ablation_runs,
    check_runs,
    name_of,
    only_rows,
    overrides,
    read_ablation,
    read_sweep,
    sweep_runs,
)
from winnow.params.configs import compose


def sweep(tmp_path, text: str):
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    return read_sweep(path)


def test_the_repository_s_own_files_plan_valid_runs(root):
    params, ds801 = compose("base", start=root), compose("ds801", start=root)
    for file in sorted((root / "configs/sweeps").glob("*.yaml")):
        runs = sweep_runs(read_sweep(file), {})
        assert len(runs) >= 2
        check_runs(runs, params)
    for stem, base, last in (("sample", params, "all"), ("ds801", ds801, "config")):
        study = read_ablation(root / f"configs/ablations/{stem}.yaml")
        check_runs(ablation_runs(study, stem, {}), base)
        assert study.rows[0].name == "nothing" and study.rows[-1].name == last
        techniques = {key for row in study.rows for key in row.changes if key.startswith("augment.techniques.")}
        assert len(techniques) >= 3
    for key, value in study.rows[-1].changes.items():  # the last row is the config as it is
        section, *rest = key.split(".")
        found = ds801[section]
        for name in rest:
            found = found[name]
        assert found == value, key


def test_a_grid_makes_every_combination_and_names_what_it_changes(tmp_path):
    runs = sweep_runs(
        sweep(tmp_path, "grid:\n  curate.ood_threshold: [2.5, 3]\n  curate.drop_near_duplicates: [true, false]\n"), {}
    )
    assert [run.name for run in runs] == [
        "ood_threshold-2.5_drop_near_duplicates-True",
        "ood_threshold-2.5_drop_near_duplicates-False",
        "ood_threshold-3_drop_near_duplicates-True",
        "ood_threshold-3_drop_near_duplicates-False",
    ]
    assert runs[0].changes == {"curate.ood_threshold": 2.5, "curate.drop_near_duplicates": True}


def test_a_list_names_runs_one_by_one_and_always_changes_all(tmp_path):
    text = "always: {train.course.epochs: 2}\nlist:\n  - {curate.ood_threshold: 2.5}\n  - {augment.budget: 900}\n"
    runs = sweep_runs(sweep(tmp_path, text), {"train.seeds": [0, 1]})
    assert [run.name for run in runs] == ["ood_threshold-2.5_epochs-2_seeds-0-1", "budget-900_epochs-2_seeds-0-1"]
    assert runs[1].changes == {"augment.budget": 900, "train.course.epochs": 2, "train.seeds": [0, 1]}


def test_names_are_told_apart_and_git_takes_them():
    both = ("augment.seed", "validation.seed")
    assert name_of({"augment.seed": 1, "validation.seed": 2}, both) == "augment.seed-1_validation.seed-2"
    assert name_of({"augment.seed": 1}, ["augment.seed"]) == "seed-1"
    assert name_of({"submission.team": "a b/../c~^:?"}, ["submission.team"]) == "team-a-b-.-c"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "should be a valid dictionary"),
        ("grid: {}", "plans no run"),
        ("grids:\n  a.b: [1]\n", "grids: .*; its keys are always, grid, list"),
        ("title: a\nrows: []\n", "describes an ablation; use 'winnow ablation'"),
        ("grid:\n  a.b: 1\n", "grid.a.b"),
        ("grid:\n  a.b: []\n", "grid.a.b"),
        ("grid: [", "is not valid YAML at line"),
        ("list:\n  - {}\n", "list.0"),
    ],
)
def test_faulty_sweeps_are_named(tmp_path, text, words):
    with pytest.raises(WinnowError, match=words) as error:
        sweep(tmp_path, text)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(WinnowError, match=r"cannot be read .*; name a YAML file"):
        read_sweep(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("# Größe".encode("latin-1"))
    with pytest.raises(WinnowError, match="not UTF-8"):
        read_ablation(tmp_path / "latin.yaml")
    (tmp_path / "sweep.yaml").write_text("grid:\n  curate.ood_threshold: [0.5]\n")
    with pytest.raises(WinnowError, match="describes a sweep; use 'winnow sweep'"):
        read_ablation(tmp_path / "sweep.yaml")


def test_the_same_run_twice_is_refused(tmp_path):
    with pytest.raises(WinnowError, match=r"plans ood_threshold-2\.5 twice"):
        sweep_runs(sweep(tmp_path, "list:\n  - {curate.ood_threshold: 2.5}\n  - {curate.ood_threshold: 2.5}\n"), {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"curate.ood_treshold": 2.5}, "curate.ood_treshold is no parameter"),
        ({"curate": 1}, "curate is a section; name one of its keys, for example curate.label_quality_threshold"),
        ({"curate.ood_threshold.x": 1}, "is no parameter"),
        ({"curate.relabel_confidence": 1.5}, "run x: curate.relabel_confidence is 1.5"),
        ({"train.course.epochs": "2"}, "run x: train.course.epochs is '2'"),
        ({"train.course.learning_rate": 1e-05}, "run x: train.course.learning_rate is 1e-05, which DVC writes"),
    ],
)
def test_every_run_s_params_are_checked_before_the_first_starts(root, changes, words):
    with pytest.raises(WinnowError, match=words):
        check_runs([PlannedRun("x", changes)], yaml.safe_load((root / "params.yaml").read_text()))


def test_dvc_reads_the_overrides_as_they_were_meant(tmp_path):
    """Through DVC's own reader: lists, nulls, and text with everything that its grammar knows."""
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides

    changes = {"a.text": "b, c: 'd' {e}", "a.list": [0, 1], "a.none": None, "a.number": 1e-04, "a.on_": True}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({"a": dict.fromkeys(["text", "list", "none", "number", "on_"], 0)}))
    arguments = [argument for argument in overrides(changes) if argument != "-S"]
    apply_overrides(path, to_path_overrides(arguments)["params.yaml"])
    assert yaml.safe_load(path.read_text())["a"] == {key[2:]: value for key, value in changes.items()}


def test_studies_measure_each_row_against_one_before_it(tmp_path):
    path = tmp_path / "study.yaml"
    text = "title: t\nrows:\n- {name: nothing, label: a, changes: {}}\n"
    text += "- {name: all, label: b, over: OVER, changes: {}}\n"
    path.write_text(text.replace("OVER", "nothing"))
    runs = ablation_runs(read_ablation(path), "study", {"train.course.epochs": 2})
    assert [run.name for run in runs] == ["study-nothing_epochs-2", "study-all_epochs-2"]
    for over, words in (("all", "no row before it"), ("null", "needs over")):
        path.write_text(text.replace("OVER", over))
        with pytest.raises(WinnowError, match=words):
            read_ablation(path)
    path.write_text(text.replace("OVER", "nothing").replace("name: all", "name: nothing"))
    with pytest.raises(WinnowError, match="two rows called nothing"):
        read_ablation(path)


def test_a_study_can_be_made_in_part(root):
    study = read_ablation(root / "configs/ablations/sample.yaml")
    part = only_rows(study, ["all", "cleaned", "nothing"])
    assert [(row.name, row.over) for row in part.rows] == [
        ("nothing", None),
        ("cleaned", "nothing"),
        ("all", "cleaned"),
    ]
    assert part.always == study.always
    assert [row.over for row in study.rows if row.name == "all"] == ["balanced"]  # the study itself stays as it is
    with pytest.raises(WinnowError, match="without its first row; add --row nothing"):
        only_rows(study, ["cleaned"])
    with pytest.raises(WinnowError, match="no row 'cleand' in the study; its rows are nothing, outliers"):
        only_rows(study, ["nothing", "cleand"])
