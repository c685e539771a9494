"""The negative table of the partner's door: who sends what where, what they are told, what the log says.

`cases.py` holds the lines that are particular, `crossing.py` those that hold for every route and
every caller who may not; `test_table.py` tries them all, and fails where a route has none.
"""
