"""The LTX-2 engine on Hugging Face diffusers. Needs torch, once a model loads.

`engine` is the `Engine`; `passes` runs a recipe; `pipelines` are diffusers' own with one change each;
`steered_transformer` holds audio still and works in tiles; `conditions` and `encode_latents` prepare what a clip is
made from; `decode` streams frames out; `adapters` switches LoRAs; `interrupt` cancels and `progress` reports.
"""
