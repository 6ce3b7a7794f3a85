"""Write the report and the slides, and the tables that `dvc plots` draws."""

from winnow import stage, tables
from winnow.report.content import gather
from winnow.report.input_digests import hashed_files
from winnow.report.inputs import read_inputs
from winnow.report.page import render_page
from winnow.report.results import class_accuracy
from winnow.report.slides import make_slides
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    files = hashed_files(stage.declared_data("report"))
    facts = gather(read_inputs(workspace, params=params.sections(), files=files))
    page, slides = render_page(facts).encode(), make_slides(facts)
    workspace.write_each("histogram", "score", {found.score.name: found.table() for found in facts.histograms})
    workspace.write_each("class_accuracy", "arm", class_accuracy(facts.results))
    page_file, slides_file = (workspace.path("report") / name for name in ("index.html", "slides.pptx"))
    tables.write_bytes(page_file, page)
    tables.write_bytes(slides_file, slides)
    sizes = f"{page_file} ({len(page) / 1e6:.1f} MB) and {slides_file} ({len(slides) / 1e6:.1f} MB)"
    return f"{facts.results.headline} See {sizes}"


if __name__ == "__main__":
    stage.run("report", main)
