"""Ways in for production traffic, one module or package a door."""
