"""The gates: nothing unmoderated leaves. `prompts` reads words, `frames` scores frames; both fail closed."""
