"""The pages of accounts and settings, a module a noun."""
