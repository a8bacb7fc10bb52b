"""Text over video: titles and subtitles as scripts that libass sets, and the fonts that it sets them in."""
