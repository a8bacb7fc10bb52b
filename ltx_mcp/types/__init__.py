"""The values that rooms hand to each other: requests, sizes, plans, clips, states. All frozen."""
