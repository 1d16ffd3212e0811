"""A rendered story as files that video editors open."""

from vn.render.editors.write import KINDS, write_editors

__all__ = ["KINDS", "write_editors"]
