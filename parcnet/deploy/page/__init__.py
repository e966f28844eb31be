"""A folder of static files that runs a classifier in a person's browser."""

from parcnet.deploy.page.build import Page, page

__all__ = ["Page", "page"]
