"""The forms of rules, channels and silences. Every refusal says what to enter instead."""
