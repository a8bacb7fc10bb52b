"""Which model is used, and where its weights come from.

`model_families` are the models known by name; `choice` decides by LTX_MCP_MODEL, licence, memory and disk; `folders`
describes a model in a user's folder; `source` loads components; `temporal_upsampler_file` reads the one part that is
published outside of diffusers' layout.
"""
