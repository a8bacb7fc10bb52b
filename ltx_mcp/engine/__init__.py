"""How a clip is made. `base` holds the seam; `ltx` the diffusers engine; `stand_in` its twin without torch."""
