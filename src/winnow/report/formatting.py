"""How numbers and names are written, the same in the report and on the slides."""

import math
import re

import numpy as np

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def number(value: float) -> str:
    """1234 as `1,234`; numbers that are not whole with up to four digits, and a dash for NaN."""
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return "-"
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4g}"


def percent(share: float) -> str:
    """0.91428 as `91.43%`, a dash for NaN."""
    return "-" if math.isnan(share) else f"{share:.2%}"


def points(difference: float) -> str:
    """0.2405 as `+24.05`, in percentage points; a dash for NaN."""
    return "-" if math.isnan(difference) else f"{100 * difference:+.2f}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 image`, `1,234 images`."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def listed(names: list[str], *, most: int = 5) -> str:
    """`a, b and c`; beyond `most` names `a, b and 7 more`."""
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part) if names else "none"


def clean(text: object) -> str:
    """`text` without characters that neither XML nor a page can hold."""
    return _UNPRINTABLE.sub("\ufffd", str(text))


def shortened(text: object, most: int) -> str:
    """At most `most` characters, the last an ellipsis where some were cut."""
    text = clean(text)
    return text if len(text) <= most else text[: most - 1] + "…"
