"""Pages to read and print: the growth report of a trainee and the portrait of a specialty base, each one HTML file.

A page answers in this order: what is wrong, how sure that is, why, what next; then the details. Made from the
documents that twins are told in (docs/reports.md), in English and Chinese. Here live what a page says (`trainee`,
`base`), its charts, words and templates. Nothing is estimated here but a level at earlier times, by the estimator
passed in; nothing is decided; no store is read, no clock, and a page refers to nothing outside itself.
"""

from megdt_stream.console.report.base import base_page
from megdt_stream.console.report.model import Page
from megdt_stream.console.report.render import GENERATOR, render
from megdt_stream.console.report.trainee import trainee_page

__all__ = ["GENERATOR", "Page", "base_page", "render", "trainee_page"]
