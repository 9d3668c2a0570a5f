"""What a terminal shows of what was written to it: as much of one as our own output needs, with rows without end."""

import re

_PIECE = re.compile(r"\x1b\[([0-9;?]*)([@-~])|[\r\n]|[^\x1b\r\n]+")


def screen_of(written: str) -> list[str]:
    """The rows that are not empty, from the top."""
    rows, row, column = [""], 0, 0
    for found in _PIECE.finditer(written):
        match found[2], found[0]:
            case None, "\r":
                column = 0
            case None, "\n":
                row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
            case None, text:
                rows[row] = rows[row][:column].ljust(column) + text + rows[row][column + len(text) :]
                column += len(text)
            case "A", _:
                row = max(0, row - int(found[1] or 1))
            case "K", _:
                rows[row] = ""
    return [text.rstrip() for text in rows if text.strip()]
