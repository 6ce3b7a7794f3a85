"""The core of the package does without what only a part of it needs."""

import subprocess
import sys
import tomllib

from winnow.errors import in_words
from winnow.extras import EXTRAS, how_to_install
from winnow.scan.run import TARGETS
from winnow.stage import stages_before

DISTRIBUTIONS = {"cv2": "opencv-python-headless", "pptx": "python-pptx", "open_clip": "open-clip-torch"}
BLOCKED = """
import ast, sys
for name in {packages}:
    sys.modules[name] = None
for script in {scripts}:
    for node in ast.parse(open(script, encoding="utf-8").read()).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            exec(ast.unparse(node))
import winnow.export.export, winnow.issues.find, winnow.review.server
"""


def test_every_package_is_in_the_extra_that_is_named_for_it(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    core = " ".join(project["dependencies"])
    extras["all"] = extras["proof"] + extras["encoders"]
    for package, extra in EXTRAS.items():
        distribution = DISTRIBUTIONS.get(package, package)
        assert any(requirement.startswith(distribution) for requirement in extras[extra]), package
        assert distribution not in core, package


def test_the_first_answer_the_export_and_the_app_need_no_extra(root):
    scripts = [f"stages/{name}.py" for name in stages_before(root / "dvc.yaml", TARGETS) if name != "make_sample"]
    text = BLOCKED.format(packages=sorted(EXTRAS), scripts=scripts)
    done = subprocess.run([sys.executable, "-c", text], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_extra_is_one_sentence_with_its_command():
    assert how_to_install("open_clip") == "pip install 'winnow-images[encoders]'"
    assert how_to_install("numpy") == ""
    missing = ModuleNotFoundError("No module named 'pptx'", name="pptx")
    assert in_words(missing) == "this needs the package pptx; install it with pip install 'winnow-images[proof]'."
    assert in_words(ModuleNotFoundError("No module named 'nowhere'", name="nowhere")) is None
