"""The one use case: admit a request, track its job, publish its clip."""
