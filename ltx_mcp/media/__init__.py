"""Video, audio and images as files and as arrays: ffmpeg, probing, decoding, encoding, contact sheets."""
