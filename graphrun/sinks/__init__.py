"""Listeners to a run's events: a live view, plain lines, a file of JSON lines; and what lets several listen."""

from graphrun.sinks.fan_out import FanOut, Sink
from graphrun.sinks.jsonl import JsonLines
from graphrun.sinks.lines import Lines

__all__ = ["FanOut", "JsonLines", "Lines", "Sink"]
