"""The files that a params file names."""

from pathlib import Path

from winnow.errors import WinnowError
from winnow.params.section import Section

NO_DATA = Path("data/none")
"""The empty folder that stands in params.yaml for an archive or file that is not given; a pipeline below the root has
`../../` before it."""


def given(path: str | Path) -> bool:
    """Whether params.yaml names an archive or file there, and not `NO_DATA`."""
    return Path(path).parts[-2:] != NO_DATA.parts


def check_inputs(params: Section, *, built: set[str]) -> None:
    """Check that the files which `params` names are there, before a long run finds out.

    Args:
        params: as `load_params` or `load_sections` returns them; paths are relative to the working directory.
        built: paths that the pipeline makes itself.

    Raises:
        WinnowError: naming the key, the path and how to fix it, for the first that is not there.
    """
    sections = {name: getattr(params, name) for name in type(params).model_fields}
    for name, section in sections.items():
        for key, (path, fix) in section.inputs().items() if section else ():
            if given(path) and path not in built and not Path(path).exists():
                raise WinnowError(f"{name}.{key} is {path}, which does not exist; {fix}.")
