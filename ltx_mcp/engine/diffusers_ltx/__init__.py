"""The LTX-2 engine on Hugging Face diffusers. Needs torch, once a model loads."""
