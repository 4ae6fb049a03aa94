"""What a provider says that was used: its exports read, and held against what we recorded.

``reading`` tells the forms apart, one file a provider; ``comparison`` is pure; ``records`` keeps
what was uploaded, by day and model, so that a comparison has an address.
"""
