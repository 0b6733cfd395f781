"""Schedules: workflows and batches that run again and again, at times a YAML file says.

timing, durations and triggers say when · timetable reads the file · agenda tells what is to come · missed decides about
times that are past · seeding gives each fire its seed · fires does one, recorded writes it down · history keeps what
became of all · clockwork tells what is due · service puts it together · health and logs tell others of it.
"""

from graphrun.schedules.timetable import Schedule, Timetable, read_timetable

__all__ = ["Schedule", "Timetable", "read_timetable"]
