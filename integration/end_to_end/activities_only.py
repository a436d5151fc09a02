"""A worker that has activities and no workflows."""

from integration.end_to_end.programs import ACTIVITIES as ACTIVITIES

WORKFLOWS: list[type] = []
