"""A mark in the pixels that outlives what drops manifests: which installation made a clip, and which clip it is."""
