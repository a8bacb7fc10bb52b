"""Which model, where its weights come from, and what must hold before anything is downloaded."""
