"""Packages that an installation of winnow may lack, and how to get them."""

EXTRAS = {
    "albumentations": "proof",
    "cv2": "proof",
    "kornia": "proof",
    "pptx": "proof",
    "timm": "all",
    "torchvision": "all",
    "open_clip": "encoders",
}
"""Import name of each package that only a part of winnow needs, and the extra that brings it."""


def how_to_install(package: str) -> str:
    """The command that brings a package, "" for one that every installation has."""
    return f"pip install 'winnow-images[{EXTRAS[package]}]'" if package in EXTRAS else ""
