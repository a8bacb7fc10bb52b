"""The voice: text in, speech with the times of its sentences out."""
