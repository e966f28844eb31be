"""A static web page that runs a classifier in the browser."""

from parcnet.deploy.page.build import Page, page

__all__ = ["Page", "page"]
