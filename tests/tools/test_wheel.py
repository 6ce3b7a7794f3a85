"""What the wheel ships."""

import subprocess
import sys
import zipfile


def test_the_wheel_ships_its_types_and_the_pages_of_the_review_app(root, tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"winnow/py.typed", "winnow/cli.py", "winnow/review/static/index.html"} <= names
    assert not any(name.startswith(("stages/", "tests/")) for name in names)
