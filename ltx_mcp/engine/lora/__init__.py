"""LoRAs: those installed, those of the hub, what their headers say."""
