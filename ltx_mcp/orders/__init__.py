"""From a request to an order, one file a tool."""
