"""From a request to a prepared job, one module a tool, and how its clip is rendered and written."""
