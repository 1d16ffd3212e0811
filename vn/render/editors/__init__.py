"""A rendered story as files that video editors open."""

from vn.render.editors.write import KINDS, kinds_there, write_editors

__all__ = ["KINDS", "kinds_there", "write_editors"]
