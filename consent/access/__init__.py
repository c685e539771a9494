"""Decides every call of a partner, and reads from a pod for the calls that may."""
