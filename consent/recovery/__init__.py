"""Replays what a restored database has lost: recovery goes by the log, never by guesses."""

from consent.recovery.plans import Plan, plan
from consent.recovery.running import recover

__all__ = ["Plan", "plan", "recover"]
