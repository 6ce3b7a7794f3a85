"""Zips with the same bytes for the same files."""

import io
import zipfile
from collections.abc import Mapping


def undated_zip(files: Mapping[str, bytes]) -> bytes:
    """Files by name, stored as they are, sorted and undated."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()
