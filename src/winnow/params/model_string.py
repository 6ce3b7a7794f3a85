"""Model strings, which name a network or what takes its place. A check before a run costs no import of torch.

timm:<name>                    a model of timm, with its published weights or a local checkpoint
torchvision:<name>             a classifier or a detector of torchvision, likewise
torch:<package.module>:<factory>   what a function or class of an installed package returns
script:<file.py>               `get_model()` of a file, or a subclass of the thesis' FilterableInterface in it
encoder:<timm, open_clip, plain or trained>   an encoder of winnow's own (`winnow.extraction.encoders`, `.trained`)
features:<file>                no network: features that are ready (`winnow.extraction.ready`)
"""

from winnow.errors import WinnowError

KINDS = {
    "timm": "<name>",
    "torchvision": "<name>",
    "torch": "<package.module>:<factory>",
    "script": "<file.py>",
    "encoder": "<timm, open_clip, plain or trained>",
    "features": "<file>",
}
"""What follows each kind."""


def parse(model: str) -> tuple[str, str]:
    """The kind of a model string and what follows it.

    Raises:
        WinnowError: if the kind is none of `KINDS`, or nothing follows it.
    """
    kind, _, rest = model.partition(":")
    if kind not in KINDS:
        raise WinnowError(
            f"the model {model!r} is of no known kind; begin it with {', '.join(f'{k}:' for k in KINDS)}."
        )
    if not rest.strip():
        raise WinnowError(f"the model {model!r} lacks what belongs behind its kind; write {kind}:{KINDS[kind]}.")
    return kind, rest
