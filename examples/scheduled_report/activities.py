"""The activities: count tickets and send the report. Here the help desk is made up."""

import asyncio

from durable_workflow import activity

TICKETS = {"opened": 12, "closed": 9}


@activity.defn(name="count_tickets")
async def count_tickets(team: str, status: str) -> int:
    """How many tickets of a team were opened or closed."""
    await asyncio.sleep(0.2)
    return TICKETS[status]


@activity.defn(name="send_report")
async def send_report(team: str, text: str) -> str:
    """Mail a report and return the address it went to."""
    return f"{team}@example.com"
