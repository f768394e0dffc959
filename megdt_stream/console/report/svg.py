"""Making a drawn SVG a part of a page: no prologue, no names of its own outside it, a title for who cannot see it."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as Tree  # only what matplotlib wrote in this process is parsed

from markupsafe import Markup

_SVG: Final = "{http://www.w3.org/2000/svg}"
_LINK: Final = "{http://www.w3.org/1999/xlink}href"
_DROPPED: Final = ("metadata", "style")


def embedded(drawn: str, prefix: str, title: str) -> Markup:
    """Make a drawing ready to stand in HTML; `prefix` keeps its ids apart from those of other charts on the page.

    HTML knows the elements of SVG, so namespaces go; without them nothing in it looks like an address.
    """
    root = Tree.fromstring(drawn)  # noqa: S314
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.removeprefix(_SVG) in _DROPPED:
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        _rename(element, prefix)
        element.tail = None
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    label = Tree.Element("title", id=f"{prefix}title")
    label.text = title
    root.insert(0, label)
    root.attrib |= {"role": "img", "aria-labelledby": f"{prefix}title", "class": "chart"}
    return Markup(Tree.tostring(root, encoding="unicode"))  # noqa: S704 - serialised, so what is text in it is escaped


def _rename(element: Tree.Element, prefix: str) -> None:
    found = element.attrib
    if "id" in found:
        found["id"] = prefix + found["id"]
    if _LINK in found:
        found["href"] = "#" + prefix + found.pop(_LINK).removeprefix("#")
    for name, value in found.items():
        if "url(#" in value:
            found[name] = value.replace("url(#", f"url(#{prefix}")
        elif name == "d":
            found[name] = " ".join(value.split())
