"""What winnow ships of its repository, so that an installed package can set a pipeline up anywhere.

In the wheel these files lie in `winnow/shipped/`, as pyproject.toml says; in a checkout they are the repository's own.
"""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from winnow.errors import WinnowError

FILES = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvcignore",
    ".gitignore",
    "configs/base.yaml",
    "configs/imagefolder.yaml",
    "configs/params.schema.json",
    "configs/scan.yaml",
    "configs/sweeps",
    "data/none/README.md",
    "data/raw/README.md",
    "data/review/README.md",
    "docs/params.md",
    "dvc.yaml",
    "stages",
    "third_party/vega",
    "versions",
)
"""Files and folders, by their paths in the repository, which are those in a workspace too."""
DISTRIBUTION = "winnow-images"
_SAMPLE = "make_sample"  # the built-in dataset is the repository's, not a stranger's
_CODE = "src/winnow/"
_RELEASE = "versions/winnow.txt"


def shipped_folder() -> Path:
    """Where the shipped files are; raises WinnowError if the installation lacks them."""
    package = Path(__file__).parents[1]
    for folder in (package / "shipped", package.parents[1]):
        if (folder / "dvc.yaml").is_file() and (folder / "configs/base.yaml").is_file():
            return folder
    raise WinnowError(f"{package} lacks the files of the pipeline; install {DISTRIBUTION} again.")


def shipped_files(folder: Path) -> dict[str, bytes]:
    """What a workspace begins with: path in it and content, in the form for an installed package."""
    found = {}
    for name in FILES:
        place = folder / name
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in inside:
            if file.is_file() and "__pycache__" not in file.parts:
                found[file.relative_to(folder).as_posix()] = file.read_bytes()
    del found[f"stages/{_SAMPLE}.py"]
    found["dvc.yaml"] = for_installed_package(found["dvc.yaml"].decode()).encode()
    packages = [Path(name).stem for name in found if name.startswith("versions/")]
    return found | {name: content.encode() for name, content in installed_versions(packages).items()}


def for_installed_package(dvc_yaml: str) -> str:
    """The repository's dvc.yaml as a workspace has it.

    The code is the installed package, so stages depend on its release where those of the repository depend on single
    modules. The stage that makes the built-in sample is left out.
    """
    text = dvc_yaml.replace("python: PYTHONPATH=src python3", "python: python3")
    text = re.sub(rf"^  {_SAMPLE}:\n(?:    .*\n|\n)*", "", text, flags=re.MULTILINE)
    lines: list[str] = []
    released = False
    for line in text.splitlines():
        path = line.strip().removeprefix("- ")
        if not path.startswith(_CODE):
            released = False
            lines.append(line)
        elif not released:
            lines.append(line.replace(path, _RELEASE))
            released = True
    return "\n".join(lines) + "\n"


def installed_versions(packages: list[str]) -> dict[str, str]:
    """Path and content of `versions/<package>.txt` for winnow and packages that compute, as they are installed."""
    return {f"versions/{package}.txt": f"{_installed(package)}\n" for package in [*packages, "winnow"]}


def _installed(package: str) -> str:
    try:
        return f"{package}=={version(DISTRIBUTION if package == 'winnow' else package)}"
    except PackageNotFoundError:  # an extra that is not there, or winnow run from its source
        return f"{package}, not installed"
