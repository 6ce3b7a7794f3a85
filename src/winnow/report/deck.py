"""A deck of slides: titles, bullets, tables, charts, pictures and notes, all of it editable."""

import io
from collections.abc import Collection, Iterable, Mapping, Sequence

from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_LEGEND_POSITION
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.shapes.base import BaseShape
from pptx.slide import Slide
from pptx.text.text import TextFrame, _Paragraph
from pptx.util import Emu, Inches, Pt

from winnow.report.formatting import clean, shortened
from winnow.report.ooxml import without_dates

WIDTH, HEIGHT = 13.333, 7.5
LEFT, TOP, BOTTOM = 0.6, 1.45, 7.05
FULL = (LEFT, TOP, WIDTH - 2 * LEFT, BOTTOM - TOP)  # what a title leaves
MOST_CLASSES = 12  # that a chart or a table of a slide has room for
_INK, _SOFT, _RULE, _BAND = "1B1F24", "59636E", "0072B2", "EEF2F6"
_FONT = "Calibri"
_FIELD_IDS = {
    "datetime1": "{5B0F2B60-6C1C-4B6A-9C35-5D3B4F8A1E01}",
    "slidenum": "{5B0F2B60-6C1C-4B6A-9C35-5D3B4F8A1E02}",
}
_TITLE_LAYOUT, _PLAIN_LAYOUT = 0, 5

Box = tuple[float, float, float, float]  # left, top, width, height in inches


class Deck:
    """Slides are added one after the other; `save` gives the file."""

    def __init__(self, title: str) -> None:
        self._file = Presentation()
        self._file.slide_width, self._file.slide_height = Inches(WIDTH), Inches(HEIGHT)
        self._file.core_properties.title = clean(title)
        self._file.core_properties.author = "winnow"
        self._file.core_properties.last_modified_by = "winnow"
        # The template is made for another width; its own placeholders are moved, so that new slides fit as well.
        for layout in self._file.slide_layouts:
            for shape in layout.placeholders:
                if shape.placeholder_format.type in (13, 15, 16):  # slide number, footer, date
                    shape.top = Inches(7.1)
        plain = self._file.slide_layouts[_PLAIN_LAYOUT].placeholders[0]
        _place(plain, (LEFT, 0.4, WIDTH - 2 * LEFT, 0.85))
        opening = self._file.slide_layouts[_TITLE_LAYOUT].placeholders
        _place(opening[0], (0.9, 2.0, WIDTH - 1.8, 1.5))
        _place(opening[1], (0.9, 3.7, WIDTH - 1.8, 1.8))

    def opening(self, title: str, lines: Sequence[str], notes: str) -> None:
        """The first slide."""
        slide = self._file.slides.add_slide(self._file.slide_layouts[_TITLE_LAYOUT])
        _write(slide.shapes.title.text_frame, [title], size=38, bold=True, align=PP_ALIGN.LEFT)
        frame = slide.placeholders[1].text_frame
        _write(frame, lines, size=24, colour=_SOFT, align=PP_ALIGN.LEFT)
        paragraph = frame.add_paragraph()
        paragraph.alignment = PP_ALIGN.LEFT
        _field(paragraph, "datetime1", "date of the talk", size=18)
        slide.notes_slide.notes_text_frame.text = clean(notes)

    def slide(self, title: str, notes: str) -> Slide:
        """A new slide with its title and what the speaker says; the other methods draw on it."""
        slide = self._file.slides.add_slide(self._file.slide_layouts[_PLAIN_LAYOUT])
        frame = slide.shapes.title.text_frame
        frame.vertical_anchor = MSO_ANCHOR.MIDDLE
        _write(
            frame,
            [title],
            size=32 if len(title) <= 42 else 26 if len(title) <= 51 else 22,  # one line, also in a wider font
            bold=True,
            align=PP_ALIGN.LEFT,
        )
        rule = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *_box((LEFT + 0.1, 1.25, 1.2, 0.06)))
        rule.fill.solid()
        rule.fill.fore_color.rgb = RGBColor.from_string(_RULE)
        rule.line.fill.background()
        number = slide.shapes.add_textbox(*_box((WIDTH - LEFT - 0.8, 7.08, 0.8, 0.3))).text_frame
        number.paragraphs[0].alignment = PP_ALIGN.RIGHT
        _field(number.paragraphs[0], "slidenum", str(len(self._file.slides)), size=12)
        slide.notes_slide.notes_text_frame.text = clean(notes)
        return slide

    def save(self) -> bytes:
        """The bytes of the .pptx; the same for the same slides."""
        buffer = io.BytesIO()
        self._file.save(buffer)
        return without_dates(buffer.getvalue())


def bullets(slide: Slide, lines: Sequence[str], box: Box, *, size: int = 20, dots: bool = False) -> None:
    """Paragraphs of text, with a dot before each if wanted; a line too many makes all of them smaller."""
    width = box[2] * 72 / (0.5 * size)  # characters that fit on a line, about
    needed = sum(max(1, -(-len(line) // int(width))) for line in lines) * size * 1.35 + len(lines) * 6
    if needed > box[3] * 72 and size > 12:
        return bullets(slide, lines, box, size=size - 1, dots=dots)
    frame = slide.shapes.add_textbox(*_box(box)).text_frame
    frame.word_wrap = True
    _write(frame, lines, size=size, gap=6)
    for paragraph in frame.paragraphs if dots else ():
        shape = paragraph._p.get_or_add_pPr()
        shape.set("marL", str(Inches(0.3)))
        shape.set("indent", str(-Inches(0.3)))
        shape.append(parse_xml(f'<a:buChar {nsdecls("a")} char="•"/>'))
    return None


def caption(slide: Slide, text: str, box: Box, *, size: int = 14) -> None:
    """A soft line."""
    frame = slide.shapes.add_textbox(*_box(box)).text_frame
    frame.word_wrap = True
    _write(frame, [text], size=size, colour=_SOFT)


def big_number(slide: Slide, value: str, words: str, box: Box) -> None:
    """A large number in a box, with words under it."""
    shape = slide.shapes.add_shape(MSO_SHAPE.ROUNDED_RECTANGLE, *_box(box))
    shape.adjustments[0] = 0.06
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor.from_string(_BAND)
    shape.line.fill.background()
    shape.shadow.inherit = False
    frame = shape.text_frame
    frame.word_wrap = True
    frame.vertical_anchor = MSO_ANCHOR.MIDDLE
    _write(frame, [value], size=32, bold=True, align=PP_ALIGN.CENTER)
    paragraph = frame.add_paragraph()
    _run(paragraph, words, size=15, colour=_SOFT, align=PP_ALIGN.CENTER)


def step(slide: Slide, title: str, words: str, box: Box) -> None:
    """A box of a flow, with its title in colour."""
    shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *_box(box))
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor.from_string(_BAND)
    shape.line.color.rgb = RGBColor.from_string(_RULE)
    shape.shadow.inherit = False
    frame = shape.text_frame
    frame.word_wrap = True
    _write(frame, [title], size=18, bold=True, colour=_RULE, align=PP_ALIGN.CENTER)
    _run(frame.add_paragraph(), words, size=14, align=PP_ALIGN.CENTER)


def arrow(slide: Slide, box: Box) -> None:
    """An arrow to the right."""
    shape = slide.shapes.add_shape(MSO_SHAPE.RIGHT_ARROW, *_box(box))
    shape.fill.solid()
    shape.fill.fore_color.rgb = RGBColor.from_string(_RULE)
    shape.line.fill.background()


def table(
    slide: Slide,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    box: Box,
    *,
    widths: Sequence[float],
    size: int = 16,
) -> None:
    """A native table; every column but the first is set to the right. `widths` are shares of the box."""
    height = min(box[3] / (len(rows) + 1), 0.46)
    inches = [box[2] * share / sum(widths) - 0.2 for share in widths]
    # As large as the longest word of any column lets it be; the first column may be cut instead.
    longest = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]
    fits = [72 * wide / (0.68 * most) for wide, most in zip(inches[1:], longest[1:], strict=True)]
    size = max(10, int(min(size, height * 72 * 0.46, *fits)))
    shape = slide.shapes.add_table(len(rows) + 1, len(head), *_box((box[0], box[1], box[2], height * (len(rows) + 1))))
    grid = shape.table
    for column, share in zip(grid.columns, widths, strict=True):
        column.width = Emu(int(Inches(box[2]) * share / sum(widths)))
    for at, values in enumerate([head, *rows]):
        grid.rows[at].height = Inches(height)
        for place, value in enumerate(values):
            cell = grid.cell(at, place)
            cell.margin_top = cell.margin_bottom = Inches(0.02)
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            cell.fill.solid()
            cell.fill.fore_color.rgb = RGBColor.from_string(_RULE if at == 0 else _BAND if at % 2 else "FFFFFF")
            most = int(72 * inches[place] / (0.62 * size))
            align = PP_ALIGN.RIGHT if place else PP_ALIGN.LEFT
            text = shortened(value, max(most, 4)) if place == 0 else value
            colour = "FFFFFF" if at == 0 else _INK
            _write(cell.text_frame, [text], size=size, bold=at == 0, colour=colour, align=align)


def bar_chart(
    slide: Slide,
    names: Collection[str],
    series: Mapping[str, tuple[Iterable[float], str]],
    box: Box,
    *,
    form: str = "#,##0",
    across: bool = True,
    stacked: bool = False,
    labels: bool = True,
    most: float | None = None,
) -> None:
    """A native chart with its numbers inside; `series` has values and a colour by name."""
    data = CategoryChartData(number_format=form)
    data.categories = [shortened(name, 24) for name in names]
    for name, (values, _) in series.items():
        data.add_series(name, [None if value != value else float(value) for value in values])
    kind = {
        (True, False): XL_CHART_TYPE.BAR_CLUSTERED,
        (True, True): XL_CHART_TYPE.BAR_STACKED,
        (False, False): XL_CHART_TYPE.COLUMN_CLUSTERED,
        (False, True): XL_CHART_TYPE.COLUMN_STACKED,
    }[across, stacked]
    chart = slide.shapes.add_chart(kind, *_box(box), data).chart
    chart.font.size, chart.font.name = Pt(14), _FONT
    chart.has_title = False
    chart.has_legend = len(series) > 1
    if chart.has_legend:
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    chart.category_axis.reverse_order = across
    chart.category_axis.format.line.color.rgb = RGBColor.from_string(_SOFT)
    chart.category_axis.has_major_gridlines = False
    chart.value_axis.major_gridlines.format.line.color.rgb = RGBColor.from_string("D5DAE0")
    chart.value_axis.tick_labels.number_format, chart.value_axis.tick_labels.number_format_is_linked = form, False
    chart.value_axis.minimum_scale = 0
    if most is not None:
        chart.value_axis.maximum_scale = most
    plot = chart.plots[0]
    plot.gap_width = 45
    plot.overlap = 100 if stacked else -5
    if labels:
        plot.has_data_labels = True
        plot.data_labels.number_format, plot.data_labels.number_format_is_linked = form, False
        plot.data_labels.font.size = Pt(12 if len(names) * len(series) <= 24 else 10)
        if not stacked:
            plot.data_labels.position = XL_LABEL_POSITION.OUTSIDE_END
    for item, (_, colour) in zip(plot.series, series.values(), strict=True):
        item.format.fill.solid()
        item.format.fill.fore_color.rgb = RGBColor.from_string(colour.removeprefix("#"))


def figure(slide: Slide, png: bytes, box: Box, *, description: str) -> None:
    """A picture, as large as the box allows, in its middle."""
    _fit(slide, png, box, description)


def pictures(slide: Slide, shown: Sequence[tuple[Sequence[bytes], str]], box: Box, *, columns: int) -> None:
    """A grid of cells, each of one picture or two side by side, with a line of words under them."""
    rows = -(-len(shown) // columns)
    wide, high = box[2] / columns, min(box[3] / max(rows, 1), 2.1)
    for at, (both, words) in enumerate(shown):
        left, top = box[0] + wide * (at % columns), box[1] + high * (at // columns)
        part = (wide - 0.1) / len(both)
        for place, content in enumerate(both):
            _fit(slide, content, (left + place * part, top, part - 0.04, high - 0.62), words)
        frame = slide.shapes.add_textbox(*_box((left, top + high - 0.62, wide - 0.05, 0.55))).text_frame
        frame.word_wrap = True
        frame.margin_left = frame.margin_right = frame.margin_top = Inches(0.03)
        _write(frame, [shortened(words, int((wide - 0.1) * 72 / 6.5) * 2)], size=13, align=PP_ALIGN.CENTER)


def _fit(slide: Slide, content: bytes, box: Box, description: str) -> None:
    shape = slide.shapes.add_picture(io.BytesIO(content), 0, 0)
    scale = min(Inches(box[2]) / shape.width, Inches(box[3]) / shape.height)
    shape.width, shape.height = int(shape.width * scale), int(shape.height * scale)
    shape.left = Inches(box[0]) + (Inches(box[2]) - shape.width) // 2
    shape.top = Inches(box[1]) + (Inches(box[3]) - shape.height) // 2
    shape.name = shortened(description, 60)
    shape._element.nvPicPr.cNvPr.set("descr", clean(description))


def _box(box: Box) -> tuple[Inches, Inches, Inches, Inches]:
    left, top, width, height = box
    return Inches(left), Inches(top), Inches(width), Inches(height)


def _place(shape: BaseShape, box: Box) -> None:
    shape.left, shape.top, shape.width, shape.height = _box(box)


def _write(
    frame: TextFrame,
    lines: Sequence[str],
    *,
    size: int,
    gap: int = 0,
    bold: bool = False,
    colour: str = _INK,
    align: PP_ALIGN | None = None,
) -> None:
    for place, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        paragraph.space_after = Pt(gap)
        _run(paragraph, line, size=size, bold=bold, colour=colour, align=align)


def _field(paragraph: _Paragraph, kind: str, text: str, *, size: int) -> None:
    """What PowerPoint fills in when the slide is shown, `text` until then."""
    paragraph._p.append(
        parse_xml(
            f'<a:fld {nsdecls("a")} id="{_FIELD_IDS[kind]}" type="{kind}">'
            f'<a:rPr lang="en-US" sz="{100 * size}"/><a:t>{text}</a:t></a:fld>'
        )
    )


def _run(
    paragraph: _Paragraph,
    text: str,
    *,
    size: int,
    bold: bool = False,
    colour: str = _INK,
    align: PP_ALIGN | None = None,
) -> None:
    run = paragraph.add_run()
    run.text = clean(text)
    run.font.size, run.font.bold, run.font.name = Pt(size), bold, _FONT
    run.font.color.rgb = RGBColor.from_string(colour)
    if align is not None:
        paragraph.alignment = align
