"""Office files with the same bytes for the same content."""

import io
import re
import zipfile

_STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_DATES = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms:)")


def without_dates(content: bytes) -> bytes:
    """A .pptx or .xlsx with fixed dates: in its zip, its properties and the workbooks inside it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(buffer, "w") as after:
        for name in sorted(before.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            part = before.read(name)
            if name.endswith(".xlsx"):
                part = without_dates(part)
            elif name == "docProps/core.xml":
                part = _DATES.sub(rb"\g<1>2000-01-01T00:00:00Z\g<2>", part)
            entry = zipfile.ZipInfo(name, _STAMP)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith((".png", ".jpg")) else zipfile.ZIP_DEFLATED
            after.writestr(entry, part)
    return buffer.getvalue()
