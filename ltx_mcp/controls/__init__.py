"""Control signals of a video: its edges, its depth, its people's poses, as frames that control LoRAs understand."""
