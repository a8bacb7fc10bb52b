"""A film's timeline as OpenTimelineIO, which Resolve, Premiere and kdenlive read through its adapters, and back.

One video track: a clip a shot, or a gap where the film is black, with the cut in the middle of each transition and
LinearTimeWarp for speed; audio files lie on tracks of their own (otio_audio.py). What the format has no words for is
in metadata under "ltx_mcp". Reading prefers the standard fields, so that what was changed in another editor counts, and
takes a shot's own words where they still say the same.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltx_mcp.edit.film import FilmShot
from ltx_mcp.edit.otio_audio import PlacedAudio, read_audio, write_audio
from ltx_mcp.edit.otio_values import KEY, plain, reference, same, source_start_s
from ltx_mcp.edit.sources import StillSource
from ltx_mcp.errors import BadInput
from ltx_mcp.types.timeline import BLACK, EditRequest, FilmTitle, Transition

if TYPE_CHECKING:
    import opentimelineio as otio

MAX_CHARS = 20_000_000
_SPAN, _FRAME = re.compile(r"@[0-9.]+-[0-9.]+$"), re.compile(r"@([0-9.]+)$")  # of a clip, at the end of its reference
_NOT_SHOTS = {"tool", "shots", "base", "changes"}


def write_timeline(
    request: EditRequest,
    shots: Sequence[FilmShot],
    fps: float,
    urls: Sequence[str],
    audio: Sequence[PlacedAudio] = (),
) -> str:
    """The .otio text of a film that was laid out. `urls` say where each shot's media lies, `BLACK` for none."""
    import opentimelineio as otio

    timeline = otio.schema.Timeline(request.title or "Film")
    timeline.metadata[KEY] = request.model_dump(mode="json", exclude=_NOT_SHOTS, exclude_none=True)
    track = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    for shot, url in zip(shots, urls, strict=True):
        if shot.lead_in:
            track.append(_transition(shot, fps))
        track.append(_item(shot, fps, url))
    track.markers.extend(_marker(title, fps) for title in request.titles)
    timeline.tracks.append(track)
    shown = [(item, _standard(place, track)) for place, item in _items(track)]
    for (item, standard), shot in zip(shown, shots, strict=True):
        item.metadata[KEY] = {"shot": shot.shot.model_dump(mode="json"), "standard": standard}
    write_audio(timeline, audio, fps)
    return str(timeline.to_json_string())


def read_timeline(text: str, folder: Path) -> dict[str, Any]:
    """The fields of the EditRequest that an .otio text describes; relative paths start at `folder`.

    Raises BadInput, which names the shot.
    """
    import opentimelineio as otio

    if len(text) > MAX_CHARS:
        raise BadInput(f"The timeline has {len(text):,} characters.", f"At most {MAX_CHARS:,} are read.")
    try:
        timeline = otio.adapters.read_from_string(text, "otio_json")
    except Exception as error:  # the parser raises whatever its C++ does
        raise BadInput(
            f"It cannot be read as OpenTimelineIO: {str(error)[:200]}.", "Use a whole .otio file."
        ) from error
    if not isinstance(timeline, otio.schema.Timeline):
        raise BadInput(f"It holds a {type(timeline).__name__}, not a Timeline.", "Export the whole timeline.")
    tracks = [track for track in timeline.video_tracks() if len(track)]
    if len(tracks) != 1:
        raise BadInput(f"It has {len(tracks)} video tracks with clips; one is read.", "Flatten it to one track.")
    own = plain(timeline.metadata.get(KEY))
    fields = own if isinstance(own, dict) else {"title": timeline.name or None}
    shown = {_standard(place, tracks[0])["url"] for place, _ in _items(tracks[0])}
    return {**fields, "shots": _shots(tracks[0], folder), **read_audio(timeline, fields, shown, folder)}


# -- writing ------------------------------------------------------------------------------------------------


def _time(frames: float, fps: float) -> "otio.opentime.RationalTime":
    import opentimelineio as otio

    return otio.opentime.RationalTime(frames, fps)


def _item(shot: FilmShot, fps: float, url: str) -> "otio.core.Item":
    import opentimelineio as otio

    first, last = shot.lead_in // 2, shot.frames - (shot.lead_out - shot.lead_out // 2)
    if url == BLACK:
        item = otio.schema.Gap(source_range=otio.opentime.TimeRange(_time(0, fps), _time(last - first, fps)))
        item.name = f"shot {shot.number}"
        return item
    start = (shot.shot.start_s or 0.0) * fps + first * shot.shot.speed
    frame = _FRAME.search(shot.shot.source)
    if isinstance(shot.source, StillSource):
        start = float(frame[1]) * fps if frame else 0
    else:
        start += shot.source.footage.start_s * fps
    clip = otio.schema.Clip(
        f"shot {shot.number}",
        otio.schema.ExternalReference(url),
        otio.opentime.TimeRange(_time(start, fps), _time(last - first, fps)),
    )
    if frame:
        clip.effects.append(otio.schema.FreezeFrame())
    elif shot.shot.speed != 1:
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=shot.shot.speed))
    return clip


def _transition(shot: FilmShot, fps: float) -> "otio.schema.Transition":
    import opentimelineio as otio

    before = shot.lead_in // 2
    return otio.schema.Transition(
        shot.shot.transition,
        otio.schema.TransitionTypes.SMPTE_Dissolve if shot.shot.transition == "dissolve" else "Custom_Transition",
        _time(before, fps),
        _time(shot.lead_in - before, fps),
    )


def _marker(title: FilmTitle, fps: float) -> "otio.schema.Marker":
    """For people in other editors; the titles are read from the metadata."""
    import opentimelineio as otio

    marked = otio.opentime.TimeRange(_time(title.at_s * fps, fps), _time(title.duration_s * fps, fps))
    return otio.schema.Marker(title.text, marked)


# -- reading ------------------------------------------------------------------------------------------------


def _items(track: "otio.schema.Track") -> list[tuple[int, "otio.core.Item"]]:
    """(place in the track, what is shown): all but transitions and gaps without length, which editors leave behind."""
    import opentimelineio as otio

    return [
        (place, item)
        for place, item in enumerate(track)
        if not isinstance(item, otio.schema.Transition)
        and not (isinstance(item, otio.schema.Gap) and item.duration().value <= 0)
    ]


def _shots(track: "otio.schema.Track", folder: Path) -> list[dict[str, Any]]:
    import opentimelineio as otio

    shots = []
    for number, (place, item) in enumerate(_items(track), 1):
        if not isinstance(item, otio.schema.Clip | otio.schema.Gap):
            raise BadInput(
                f"Shot {number}: a {type(item).__name__} cannot be shown.",
                "Render nested timelines to files of their own.",
            )
        shots.append(_shot(place, track, folder, number))
    return shots


def _shot(place: int, track: "otio.schema.Track", folder: Path, number: int) -> dict[str, Any]:
    clip = track[place]
    own = plain(clip.metadata.get(KEY, {}))
    words, then, now = own.get("shot", {}), own.get("standard", {}), _standard(place, track)
    if now["url"] is None:
        raise BadInput(f"Shot {number}: its media is missing.", "Relink it in the editor, then export again.")
    if now.pop("frozen") and (not words or now["url"] != then.get("url")):
        raise BadInput(f"Shot {number}: a frozen frame of another editor cannot be shown.", "Export it as an image.")
    fields = {name: value for name, value in now.items() if name != "url" and not same(value, then.get(name))}
    if {"start_s", "duration_s"} & fields.keys() and _SPAN.search(words.get("source", "")):
        fields |= {"source": reference(now["url"], folder), "start_s": now["start_s"]}  # of the file, not of the span
    if words.get("source") is None or now["url"] != then.get("url"):
        fields["source"] = reference(now["url"], folder)
    return {**words, **fields}


def _standard(place: int, track: "otio.schema.Track") -> dict[str, Any]:
    """What the standard fields say of the clip at this place, in a shot's terms: with both its transitions whole."""
    import opentimelineio as otio

    clip = track[place]
    before = track[place - 1] if place and isinstance(track[place - 1], otio.schema.Transition) else None
    after = track[place + 1] if place + 1 < len(track) else None
    speed = next((each.time_scalar for each in clip.effects if isinstance(each, otio.schema.LinearTimeWarp)), 1.0)
    shown = clip.source_range
    lead_in_s = before.in_offset.to_seconds() if before else 0.0
    lead_out_s = after.out_offset.to_seconds() if isinstance(after, otio.schema.Transition) else 0.0
    black = isinstance(clip, otio.schema.Gap)
    url = BLACK if black else getattr(getattr(clip, "media_reference", None), "target_url", None)
    frozen = speed == 0
    start_s = 0.0 if frozen else max(0.0, source_start_s(clip) - lead_in_s * speed)
    return {
        "url": url or None,
        "start_s": start_s or None,
        "duration_s": shown.duration.to_seconds() + lead_in_s + lead_out_s if shown else None,
        "transition": _kind(before),
        "transition_s": (before.in_offset + before.out_offset).to_seconds() if before else None,
        "speed": 1.0 if frozen else float(speed),
        "frozen": frozen,
    }


def _kind(transition: "otio.schema.Transition | None") -> str:
    from typing import get_args

    if transition is None:
        return "cut"
    return transition.name if transition.name in get_args(Transition) else "dissolve"
