"""How a clip is rendered.

`base` is the seam, `stand_in` its twin without torch, `diffusers_ltx` the engine for LTX-2; `copying` hands on
imported clips and `deferred` chooses an engine late. `plan` decides what is made, `weights` with which model, `lora`
what changes its style.
"""
