"""Logs on pages: lines as HTML, and what open pages follow."""
