"""What people's archives hold beside their data: litter of systems, and companions of the images."""

import posixpath
import re

# Folders and files of macOS, Windows, Linux, network storage and tools, in lower case.
_SYSTEM_FOLDERS = {
    "$recycle.bin",
    "#recycle",
    "#snapshot",
    "__macosx",
    "__pycache__",
    "_gsdata_",
    "lost+found",
    "network trash folder",
    "node_modules",
    "recycled",
    "recycler",
    "resource.frk",
    "system volume information",
    "temporary items",
    "thefindbycontentfolder",
    "thevolumesettingsfolder",
    "~snapshot",
}
# Of Synology and QNAP (@eaDir, @Recycle, @appstore ...), of chkdsk, and of FrontPage.
_SYSTEM_FOLDER = re.compile(r"@.*|found\.\d{3}|_vti_.*")
_SYSTEM_FILES = {"desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "icon\r", "picasa.ini", "thumbs.db"}
# What Windows, macOS and Synology keep beside a file; copied to other systems, it becomes a file of its own.
_STREAM = re.compile(r".*zone\.identifier(:\$data)?|thumbs\.db:.*|.*:(afp_\w+|encryptable)|.*@syno\w+")
_THUMBNAIL_FOLDER = re.compile(r"_*thumb(nail)?s_*|_*thumbnail_*|_+thumb_*")

_COMPANIONS = {
    "text": {
        *(".adoc", ".doc", ".docx", ".htm", ".html", ".log", ".md", ".odt", ".pdf", ".rst", ".rtf", ".tex", ".txt"),
        *(".url", ".webloc"),
    },
    "table": {
        *(".arff", ".arrow", ".csv", ".feather", ".json", ".jsonl", ".mat", ".ndjson", ".ods", ".parquet", ".tsv"),
        *(".xls", ".xlsx", ".xml", ".yaml", ".yml"),
    },
    "cache": {
        *(".cache", ".db", ".h5", ".hdf5", ".idx", ".ini", ".joblib", ".lmdb", ".lnk", ".md5", ".npy", ".npz"),
        *(".onnx", ".pb", ".pickle", ".pkl", ".pt", ".pth", ".pyc", ".rec", ".safetensors", ".sha1", ".sha256"),
        *(".sqlite", ".tfrecord", ".tfrecords"),
    },
    "code": {".bat", ".dvc", ".ipynb", ".js", ".m", ".ps1", ".py", ".r", ".sh", ".toml"},
}
_COMPANION_OF = {suffix: reason for reason, suffixes in _COMPANIONS.items() for suffix in suffixes}
_TEXT_NAMES = {"authors", "changelog", "citation", "copying", "licence", "license", "manifest", "notice", "readme"}
TABLE_SUFFIXES = tuple(sorted(_COMPANIONS["table"]))
PACKED_SUFFIXES = (".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zip", ".zst")


def system_litter(path: str) -> str | None:
    """Why a file is no part of a dataset, whatever it holds.

    Args:
        path: POSIX path below the archive's root.

    Returns:
        `hidden` (it or a folder above begins with a dot), `system` (left by an operating system, a network drive or a
        tool), `thumbnail`, or None.
    """
    *folders, name = path.lower().split("/")
    if any(part.startswith(".") for part in (*folders, name)):
        return "hidden"
    if name in _SYSTEM_FILES or _STREAM.fullmatch(name):
        return "system"
    if any(folder in _SYSTEM_FOLDERS or _SYSTEM_FOLDER.fullmatch(folder) for folder in folders):
        return "system"
    return "thumbnail" if any(_THUMBNAIL_FOLDER.fullmatch(folder) for folder in folders) else None


def companion(path: str) -> str | None:
    """`text`, `table`, `cache` or `code` of a file that is known to lie beside images, None of any other."""
    stem, suffix = posixpath.splitext(posixpath.basename(path).lower())
    if not suffix:
        return "text" if stem in _TEXT_NAMES else None
    return _COMPANION_OF.get(suffix)
