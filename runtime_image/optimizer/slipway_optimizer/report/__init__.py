"""`report.html`: what the Job found out, for people; one file that needs nothing else."""

from slipway_optimizer.report.page import render

__all__ = ["render"]
