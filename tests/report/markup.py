"""Walking a page: balanced tags, ids, addresses and what a reader sees."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Walk(HTMLParser):
    """Walks a page; `faults` has what is not well-formed, `text` what is shown, `attributes` all of them."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.text = [], [], []
        self.tags, self.attributes = [], []
        self.feed(page)
        self.close()
        self.faults += [f"never closed: {tag}" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"closed and not open: {tag} at {self.getpos()}")

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    @property
    def shown(self):
        return " ".join(" ".join(self.text).split())

    def values(self, name):
        return [value for _, found, value in self.attributes if found == name]
