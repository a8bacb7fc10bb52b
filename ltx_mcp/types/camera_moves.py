"""Camera presets: the sentence that each adds to a prompt."""

from collections.abc import Mapping
from types import MappingProxyType

from ltx_mcp.types.requests import Camera

CAMERA_MOVES: Mapping[Camera, str] = MappingProxyType(
    {
        "static": "The camera stands still on a tripod and keeps one framing throughout.",
        "dolly_in": "The camera glides steadily forward, closing in on the subject.",
        "dolly_out": "The camera glides steadily backward, revealing more of the scene.",
        "dolly_left": "The camera slides smoothly to the left, level and parallel to the scene.",
        "dolly_right": "The camera slides smoothly to the right, level and parallel to the scene.",
        "jib_up": "The camera rises on a crane in one slow upward sweep.",
        "jib_down": "The camera sinks on a crane in one slow downward sweep.",
        "focus_shift": "Focus racks from the foreground to the background while the camera stays in place.",
    }
)
"""The sentence that each camera preset adds to the prompt."""
