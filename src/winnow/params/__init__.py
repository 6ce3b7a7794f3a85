"""The shape of params.yaml: every key, its type and its range.

Numbers must be numbers (YAML reads `1e-05` as a string: that is refused, not guessed at) and unknown keys are refused,
so a misspelt threshold never runs silently at its default: there are no defaults.
"""

from winnow.params.augmentation import Operation
from winnow.params.curation import Curate, ImageFault
from winnow.params.load import check_content, check_inputs, load_params, read_yaml
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
    "load_params",
    "read_yaml",
]
