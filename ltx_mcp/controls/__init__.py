"""Control signals of a video: its edges, its depth, its people's poses, as pictures that control LoRAs understand."""
