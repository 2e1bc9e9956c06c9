"""A table that is filled again and again, and keeps its cursor."""

from collections.abc import Sequence

from textual.widgets import DataTable

from .rows import Row


class Table(DataTable[object]):
    """Rows by key; the cursor stays on its row wherever that goes."""

    def __init__(self, titles: Sequence[str], *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._titles = titles
        self._rows: list[Row] = []

    def on_mount(self) -> None:
        """Make the columns."""
        for title in self._titles:
            self.add_column(title)

    def fill(self, rows: Sequence[Row]) -> None:
        """Show these rows."""
        if list(rows) == self._rows:
            return
        selected, top = self.selected, self.scroll_y
        self._rows = list(rows)
        keys = [key for key, _ in rows]
        with self.app.batch_update(), self.prevent(DataTable.RowHighlighted):
            self.clear()
            for key, cells in rows:
                self.add_row(*cells, key=key)
            if selected in keys:
                self.move_cursor(row=keys.index(selected))
            self.scroll_to(y=top, animate=False)

    @property
    def selected(self) -> str:
        """Return the key of the row under the cursor; empty without rows."""
        if not 0 <= self.cursor_row < len(self._rows):
            return ""
        return self._rows[self.cursor_row][0]
