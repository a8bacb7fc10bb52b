"""The micro model: the diffusers classes of LTX-2.3 at toy size, made on this machine, for everywhere."""
