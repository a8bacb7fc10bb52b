"""From what was asked to what the model will make. Pure arithmetic: nothing here loads a model.

`quality_presets` has the recipes of draft, final and best; `recipe_variants` adapts one to references, repaints,
doubled rates and tiles; `sigmas` are the noise levels; `layout` and `tiling` find sizes and tiles that fit; `memory`
says what fits this machine; `planning` puts all of it into a `Plan` with its `notes`, or refuses it with the `largest`
that fits.
"""
