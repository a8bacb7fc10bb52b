"""What the agent sees: one file a tool. `TOOLS` is the whole of tools/list, in its order."""

from ltx_mcp.tools import cancel_job, generate_video, get_job, search_clips

TOOLS = (generate_video.TOOL, search_clips.TOOL, get_job.TOOL, cancel_job.TOOL)
