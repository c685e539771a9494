"""Decides: partners, requests, grants, access, and how every end is carried out."""
