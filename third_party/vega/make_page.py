"""Write page.html, the page of `dvc plots` with Vega's scripts inside: python third_party/vega/make_page.py FOLDER.

FOLDER holds what README.md beside this file says to fetch, unpacked. The page is in git, so this is run only to take
other versions.
"""

import sys
from pathlib import Path

SCRIPTS = ("vega-5.20.2/package/build/vega.min.js", "vega-lite-5.2.0/package/build/vega-lite.min.js")
SCRIPTS += ("vega-embed-6.18.2/package/build/vega-embed.min.js",)
# Vega's scripts stand in the page and compile expressions; nothing is fetched or sent, not even by a script in a name.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
POLICY
{refresh_tag}
<title>DVC plots</title>
<style>
body { font-family: system-ui, sans-serif; margin: 1.5rem; }
table { border-spacing: 15px; }
</style>
SCRIPTS
</head>
<body>
{plot_divs}
</body>
</html>
"""


def main(folder: Path) -> None:
    parts = []
    for name in SCRIPTS:
        text = (folder / name).read_text(encoding="utf-8")
        text = "\n".join(line for line in text.splitlines() if not line.startswith("//# sourceMappingURL="))
        for mark in ("{scripts}", "{plot_divs}", "{refresh_tag}", "</script"):  # DVC and the browser would read these
            if mark in text:
                sys.exit(f"{name} holds {mark}, which has a meaning of its own in the page.")
        parts.append(f"<script>{text}</script>")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    page = PAGE.replace("POLICY", policy).replace("SCRIPTS", "\n".join(parts))
    Path(__file__).with_name("page.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
