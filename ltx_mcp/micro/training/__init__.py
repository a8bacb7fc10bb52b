"""How the micro model's weights are trained. Not part of the wheel."""
