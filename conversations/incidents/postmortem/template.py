"""What a post-mortem begins with: headings, and references to the record where it knows."""

from __future__ import annotations

TEMPLATE = """\
# {{incident.name}}: {{incident.title}}

Severity {{incident.severity}}, {{incident.status}}. Owner: {{incident.owner}}.

This document looks for causes in systems, not for fault in people. Whoever acted did what made
sense with what they knew then.

## Summary

{{cause.answer}}

## Impact

- {{impact.calls}}
- {{impact.conversations}}: {{impact.outcome}}
- {{impact.users}}
- From {{impact.first}} to {{impact.last}}: {{impact.duration}}
- Model calls of these turns: {{impact.cost}}
- Findings: {{impact.findings}}

## Timeline

Times are UTC.

{{timeline}}

## Detection

- {{detection.how}}, {{detection.delay}} after the first bad call
- Acknowledged: {{detection.acknowledged}}

What would have told us sooner?

## Root cause

{{cause.suspects}}

{{cause.note}}

{{cause.diff}}

Why could it reach production? Ask until the answer is a system that can be changed.

## Fix

{{fix.published}}

{{replays}}

{{check}}

## What went well

-

## What went badly, and where we were lucky

-

## Actions

| action | owner | due |
| --- | --- | --- |
|  | {{incident.owner}} |  |
"""
