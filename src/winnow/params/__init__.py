"""The shape of params.yaml: every key, its type, its range and its meaning.

Each key is described here and nowhere else. Numbers must be numbers (YAML reads `1e-05` as a string: that is refused,
not guessed at) and unknown keys are refused, so a misspelt threshold never runs silently at its default: there are no
defaults. The value that a key has unless a config says otherwise is in configs/base.yaml.
"""

from winnow.params.augmentation import Operation
from winnow.params.curation import Curate, ImageFault
from winnow.params.inputs import check_inputs
from winnow.params.keys import describe, limits
from winnow.params.load import check_content, load_params, load_sections, read_yaml
from winnow.params.model import Params
from winnow.params.section import Section

__all__ = [
    "Curate",
    "ImageFault",
    "Operation",
    "Params",
    "Section",
    "check_content",
    "check_inputs",
    "describe",
    "limits",
    "load_params",
    "load_sections",
    "read_yaml",
]
