"""How models behave within a conversation: how often they call, repeat, and what a budget cuts."""
