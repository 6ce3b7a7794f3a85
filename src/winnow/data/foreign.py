"""What a file is that is no image which winnow reads, and what to do about it."""

_CONVERT = "convert it to JPEG or PNG"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_VIDEO = "a video; extract its frames as images"
# Beginnings of files, and what they are.
_STARTS = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself; fetch it with 'git lfs pull'",
    b"/annex/objects/": "a pointer of git-annex, not the file itself; fetch it with 'git annex get'",
    b"outs:\n- md5:": "a pointer of DVC, not the file itself; fetch it with 'dvc pull'",
    b"8BPS": f"a Photoshop file; {_CONVERT}",
    b"%PDF": f"a PDF; {_CONVERT}",
    b"%!PS": f"a PostScript file; {_CONVERT}",
    b"\xff\x0a": f"a JPEG XL image; {_CONVERT}",
    b"\0\0\0\x0cJXL ": f"a JPEG XL image; {_CONVERT}",
    b"PK\x03\x04": "a zip or an office document; unpack it",
    b"Rar!": "a RAR archive; unpack it",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"\x1f\x8b": "packed with gzip; unpack it",
    b"\x1aE\xdf\xa3": _VIDEO,
    b"\0\0\x01\xba": _VIDEO,
    b"FLV": _VIDEO,
    b"FUJIFILM": f"a camera's raw file; {_CONVERT}",
    b"gimp xcf": f"a GIMP file; {_CONVERT}",
    b"DDS ": f"a texture of DirectX; {_CONVERT}",
    b"\0\0\1\0": f"an icon of Windows; {_CONVERT}",
    b"icns": f"an icon of macOS; {_CONVERT}",
    b"v/1\x01": f"an OpenEXR image; {_CONVERT}",
    b"#?RADIANCE": f"a Radiance HDR image; {_CONVERT}",
    b"SIMPLE  =": f"a FITS image; {_CONVERT}",
    b"SQLite format": "a database",
    b"\x89HDF": f"an HDF5 file; {_CONVERT}",
    b"\x93NUMPY": f"a NumPy array; {_CONVERT}",
}
RAW = f"a camera's raw file, of which only the preview can be read; {_CONVERT}"


def what_it_is(content: bytes) -> str:
    """A few words on a file that no decoder takes, with how to convert it where that is known."""
    if content[4:8] == b"ftyp":
        if content[8:12] in _HEIF_BRANDS:
            return (
                "a HEIC photo, whose decoders are under licences that winnow does not take on; convert it to JPEG (on "
                "Linux: heif-convert; on macOS: sips -s format jpeg)"
            )
        if content[8:12] == b"crx ":
            return f"a camera's raw file; {_CONVERT}"
        return _VIDEO
    if content.startswith(b"RIFF") and content[8:12] == b"AVI ":
        return _VIDEO
    if content[128:132] == b"DICM":
        return f"a DICOM image; {_CONVERT}"
    for start, words in _STARTS.items():
        if content.startswith(start):
            return words
    text = content[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return f"an SVG drawing; {_CONVERT}"
    if text.startswith((b"<!doctype", b"<html", b"<head")):
        return "a web page, as a failed download leaves it; download it again"
    if (text_alone := _text(content)) is not None:
        return f"text ({text_alone!r}), as a failed download leaves it; download it again"
    return "no JPEG, PNG or other image that winnow reads"


def _text(content: bytes) -> str | None:
    """The beginning of what is text alone, None of anything else."""
    try:
        text = content[:1000].decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    if not text or not all(letter.isprintable() or letter.isspace() for letter in text):
        return None
    return text if len(text) <= 40 else text[:37] + "..."
