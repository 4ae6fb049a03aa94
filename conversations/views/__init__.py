"""The pages of conversations, their turns, and the playground."""

from __future__ import annotations
