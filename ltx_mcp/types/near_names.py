"""What was probably meant by an argument that does not exist.

It is only proposed: a name is never taken for another.
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from types import MappingProxyType

_LEAST_ALIKE = 0.7  # of difflib's ratio: "grains" for "grain", not "tool" for "title"

# What other servers and programs call an option, without case, underscores and hyphens.
_CALLED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("text", "description", "caption", "textprompt"), ("prompt", "query", "title", "text")),
        **dict.fromkeys(("length", "seconds", "time", "numframes", "numseconds"), ("duration_s",)),
        **dict.fromkeys(("timeout", "wait"), ("wait_s",)),
        **dict.fromkeys(("ratio", "aspectratio", "orientation"), ("aspect",)),
        **dict.fromkeys(("size", "height", "width"), ("resolution",)),
        **dict.fromkeys(("framerate", "rate", "framespersecond"), ("fps",)),
        **dict.fromkeys(("sound", "withaudio", "generateaudio"), ("audio", "keep_audio")),
        **dict.fromkeys(("cameramotion", "cameramovement", "movement"), ("camera", "motion")),
        **dict.fromkeys(("negative", "avoid"), ("negative_prompt",)),
        **dict.fromkeys(("randomseed", "noise"), ("seed",)),
        **dict.fromkeys(("preset", "recipe"), ("quality",)),
        **dict.fromkeys(("firstframe", "startimage", "inputimage", "imagepath", "imageurl", "imagefile", "path", "file",
                         "uri", "url"), ("image", "video", "source")),
        **dict.fromkeys(("lastframe", "lastimage", "finalimage"), ("end_image",)),
        **dict.fromkeys(("inputvideo", "videopath", "videourl", "videofile", "sourcevideo"), ("video",)),
        **dict.fromkeys(("clip", "clipid", "id", "clips", "ids"), ("clip", "job_id", "source", "video")),
        **dict.fromkeys(("job", "jobid", "taskid"), ("job_id",)),
        **dict.fromkeys(("q", "search", "searchquery", "keywords"), ("query",)),
        **dict.fromkeys(("topk", "k", "n", "maxresults", "count", "pagesize"), ("limit",)),
        **dict.fromkeys(("since", "after", "fromdate"), ("created_after",)),
        **dict.fromkeys(("until", "before", "todate"), ("created_before",)),
        **dict.fromkeys(("lora", "style"), ("loras",)),
        **dict.fromkeys(("directory", "dir", "outputdir", "output", "outputpath", "destination"), ("folder",)),
        **dict.fromkeys(("filename", "outputname"), ("name",)),
        **dict.fromkeys(("type", "filetype", "container"), ("format", "kind")),
        **dict.fromkeys(("scenes", "segments"), ("shots",)),
        **dict.fromkeys(("at", "timestamp", "start"), ("at_s", "start_s")),
        **dict.fromkeys(("volume", "gain"), ("volume_db",)),
        **dict.fromkeys(("voiceover", "speech"), ("narration",)),
        **dict.fromkeys(("captions", "subs"), ("subtitles",)),
    }
)  # fmt: skip


def suggestion(name: str, value: object, known: Collection[str]) -> str:
    """Such as "did you mean duration_s"; "" where nothing comes near. `value` is what the argument holds."""
    if isinstance(value, dict) and set(value) & set(known):  # {"arguments": {...}}
        return "did you mean to give what is in it by itself"
    plain = _plain(name)
    by_plain = {_plain(each): each for each in known}
    if plain in by_plain:
        return f"did you mean {by_plain[plain]}"
    other = [each for each in _CALLED.get(plain, ()) if each in known]
    near = other or [by_plain[each] for each in get_close_matches(plain, by_plain, n=1, cutoff=_LEAST_ALIKE)]
    return f"did you mean {near[0]}" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
