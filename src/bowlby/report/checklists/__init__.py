"""Reporting checklists: what a paper should say, with what the run knows of it."""

from __future__ import annotations

from bowlby.report.checklists.item import Checklist, Item, filled
from bowlby.report.checklists.jars import JARS
from bowlby.report.checklists.strobe import STROBE

__all__ = ["CHECKLISTS", "Checklist", "Item", "filled"]

CHECKLISTS = [JARS, STROBE]
