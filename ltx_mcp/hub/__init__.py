"""The Hugging Face hub: what its cache holds, fetching files, and in words why one cannot be had."""
