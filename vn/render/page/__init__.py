"""``story.html`` and the ``index.html`` of a folder of stories."""

from vn.render.page.story_page import write_page

__all__ = ["write_page"]
