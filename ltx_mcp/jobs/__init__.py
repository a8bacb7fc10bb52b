"""Jobs: their durable records, the lane that runs them, and the lock that tells the living processes."""
