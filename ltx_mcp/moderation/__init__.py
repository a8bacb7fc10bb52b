"""The gates: nothing unmoderated leaves. `prompts` reads words, `frames` looks at pictures; both fail closed."""
