"""Reads real exported files into records: GPX, iCalendar, tables, and archives of them."""
