"""LoRAs.

`header` checks a file by its header alone; `catalogue` lists published LoRAs as data; `card` is what is known of one
LoRA; `triggers` puts trigger words into prompts; `installed` finds LoRAs by name in the user's folder and the hub's
cache; `hub` looks at repositories and downloads files.
"""
