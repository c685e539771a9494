"""Views: what is computed from records here, so that the records themselves stay here.

A view is asked for, granted and read like a category, and holds nothing. Each is a file in this
folder: of which category it is, how it is computed, and what it looks like.
"""
