"""Where files come from: signed manifests (C2PA), and fingerprints by which copies without one are known again."""
