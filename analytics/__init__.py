"""What it means in numbers: rollups, metrics, costs and alerts over turns and calls."""
