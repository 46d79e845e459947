"""What tests of pages look at: elements, attributes and balance."""

import re
from html.parser import HTMLParser

EXTERNAL = re.compile(
    r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(\s*["']?(https?:)?//""", re.I
)


class Seen(HTMLParser):
    """Elements, attributes and balance of a page."""

    def __init__(self, page):
        """Read a page."""
        super().__init__()
        self.tags = []
        self.attrs = []
        self.open = []
        self.ids = []
        self.feed(page)
        self.close()

    def handle_starttag(
        self,
        tag,
        attrs,
    ):
        """Note an element; one that needs no end is not open."""
        self.tags.append(tag)
        self.attrs += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in ("meta", "link", "br", "hr", "img", "wbr"):
            self.open.append(tag)

    def handle_startendtag(
        self,
        tag,
        attrs,
    ):
        """Note an element that ends at once, as in SVG."""
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        """Close the innermost element."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"
