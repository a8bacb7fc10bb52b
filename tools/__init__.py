"""What the agent sees: one file a tool. `TOOLS` is the whole of tools/list, in its order."""

from ltx_mcp.tools import (
    animate_image,
    cancel_job,
    delete_clip,
    edit_video,
    export_clip,
    finalize_draft,
    generate_video,
    get_job,
    import_video,
    restyle_video,
    search_clips,
    update_clip,
    view_clip,
)

TOOLS = (
    generate_video.TOOL,
    animate_image.TOOL,
    restyle_video.TOOL,
    finalize_draft.TOOL,
    edit_video.TOOL,
    search_clips.TOOL,
    view_clip.TOOL,
    import_video.TOOL,
    get_job.TOOL,
    cancel_job.TOOL,
    export_clip.TOOL,
    update_clip.TOOL,
    delete_clip.TOOL,
)
