"""Listeners to the event stream: console, JSON lines."""
