"""Event trees as spreadsheets: one row per node, read back to an equal tree.

The sheet 节点 has the nodes, 事件树 the tree's own fields and 背景句 its background. Every field of
a tree has its place, lists with one text per line. A text that a cell cannot hold is refused on the
way out, a bad row on the way in, with its number and the fix: nothing is lost silently.
"""

from events.spreadsheet.reading import MAX_BYTES, tree_from_spreadsheet
from events.spreadsheet.writing import tree_to_spreadsheet

__all__ = ["MAX_BYTES", "tree_from_spreadsheet", "tree_to_spreadsheet"]
