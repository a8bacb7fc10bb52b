"""What has been made, and how a moment of it is found: embedding, LanceDB, moments."""
