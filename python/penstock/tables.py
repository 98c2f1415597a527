"""Tables in notebooks."""

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["as_html"]

_CELL = "text-align: left; vertical-align: top"


def as_html(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as HTML; all of it is text, in which nothing is markup.

    Args:
        title: Above it.
        headings: Of its columns; none for a table without a head.
        rows: Its cells.
    """
    head = _row("th", headings) if headings else ""
    body = "".join(_row("td", row) for row in rows)
    caption = f'<caption style="caption-side: top; {_CELL}">{escape(title)}</caption>'
    return f"<table>{caption}{f'<thead>{head}</thead>' if head else ''}<tbody>{body}</tbody></table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "".join(["<tr>", *(f'<{tag} style="{_CELL}">{escape(cell)}</{tag}>' for cell in cells), "</tr>"])
