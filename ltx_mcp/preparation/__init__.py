"""From a request to a prepared job, one file a tool."""
