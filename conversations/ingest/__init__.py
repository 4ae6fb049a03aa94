"""Production traffic into turns: decode, map, and one door that stores."""
