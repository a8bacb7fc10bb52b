"""What is told of a source: one sentence for each difference between the file and what a clip shows of it."""

from collections.abc import Iterator

from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.footage import Footage
from ltx_mcp.media.silence import first_that_sounds, is_silent
from ltx_mcp.media.source import UNKNOWN, AudioStream, Source, Track, VideoStream

_HEARD_LATE_S = 0.02  # streams that begin or end closer together do so together
_OUTLASTS_S = 0.06
_LISTENED_S = 60.0
_CURVES = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_GAMUTS = {"bt2020": "BT.2020", "smpte431": "DCI-P3", "smpte432": "Display P3"}


def source_notes(footage: Footage, size: tuple[int, int], fps: float, *, audio: bool = True) -> tuple[str, ...]:
    """Of footage that becomes a clip of (width, height) and `fps`, with its own audio or without."""
    source = footage.source
    notes = [*_size_notes(source.video, size), *_rate_notes(source, fps), *frame_notes(source)]
    if audio and source.audio is not None:
        notes += [*_audio_notes(source.audio), *_sync_notes(source, footage), *_silence_notes(footage)]
    return (*notes, *_track_notes(source, audio))


def frame_notes(source: Source) -> tuple[str, ...]:
    """Of how its frames look, at any size and rate."""
    return tuple(_frame_notes(source.video))


def _frame_notes(video: VideoStream) -> Iterator[str]:
    colour = video.colour
    gamut = _GAMUTS.get(colour.primaries, "BT.2020")
    if colour.is_hdr:
        yield f"HDR ({_CURVES[colour.transfer]}, {gamut}) was tone-mapped to BT.709."
    elif colour.is_wide:
        yield f"The colours of {gamut} were brought into BT.709, which has fewer."
    elif colour.matrix == UNKNOWN and not video.is_rgb:
        named = "BT.709, as in HD" if video.is_hd else "BT.601, as below HD"
        yield f"The file does not say how its colours are coded: they were read as {named}."
    if colour.range == "pc" and not video.is_rgb:
        yield "Its colours use the full range of values; the clip's the limited one, which players expect."
    if video.interlaced:
        yield "Its interlaced fields were joined into whole frames (deinterlaced)."
    if video.has_alpha:
        yield "What is transparent stands on white."


def _size_notes(video: VideoStream, size: tuple[int, int]) -> Iterator[str]:
    if video.pixel_aspect != 1:
        stored = "x".join(map(str, video.stored_size))
        yield f"Its pixels are not square: stored as {stored}, it is shown as {video.size[0]}x{video.size[1]}."
    if video.size == size:
        return
    shown, delivered = (f"{width}x{height}" for width, height in (video.size, size))
    if max(abs(shown - got) for shown, got in zip(video.size, size, strict=True)) <= 1:
        yield f"{shown} became {delivered}: a line was cropped, because a clip's sides are even."
    else:
        yield f"{shown} became {delivered}."


def _rate_notes(source: Source, fps: float) -> Iterator[str]:
    if abs(source.fps - fps) > 0.005:
        yield f"{source.fps:.5g} fps became {fps:.5g}."
    if not source.video.steady:
        yield f"Its frames come at varying intervals; the clip shows {fps:.5g} a second, each at its time."


def _audio_notes(audio: AudioStream) -> Iterator[str]:
    if audio.layout != "stereo":
        yield "Its mono audio is on both channels." if audio.layout == "mono" else f"{audio.layout} became stereo."
    if audio.sample_rate not in (0, SAMPLE_RATE):
        yield f"{audio.sample_rate / 1000:g} kHz became {SAMPLE_RATE / 1000:g} kHz."


def _sync_notes(source: Source, footage: Footage) -> Iterator[str]:
    assert source.audio is not None
    late_s = source.video.start_s - source.audio.start_s
    if abs(late_s) > _HEARD_LATE_S and footage.start_s < max(source.video.start_s, source.audio.start_s):
        if late_s > 0:
            yield f"Its video begins {late_s:.2f} s after its audio; until then its first frame stays."
        else:
            yield f"Its audio begins {-late_s:.2f} s after its video."
    outlasts_s = source.audio.end_s - source.video.end_s
    if outlasts_s > _OUTLASTS_S and footage.end_s is None:
        yield f"Its audio ends {outlasts_s:.2f} s after its video, whose last frame stays."


def _silence_notes(footage: Footage) -> Iterator[str]:
    source = footage.source
    assert source.audio is not None
    length_s = min(footage.duration_s, _LISTENED_S)
    if not is_silent(source.path, source.audio.index, source.zero_s + footage.start_s, length_s):
        return
    others = source.others("audio")
    sounding = first_that_sounds(source.path, [track.index for track in others])
    named = [_named(track, source) for track in others if track.index == sounding]
    yield f"Its audio is silent{f', and {named[0]} sounds' if named else ''}."


def _track_notes(source: Source, audio: bool) -> Iterator[str]:
    kinds = ("video", "audio", "subtitle") if audio else ("video",)
    for kind in kinds:
        if others := source.others(kind):
            used = "" if kind == "subtitle" else f" {_used(source, kind)} was used;"
            names = ", ".join(_named(track, source) for track in others[:4])
            more = f" and {len(others) - 4} more" if len(others) > 4 else ""
            yield f"Of its {kind} tracks{used} {names}{more} {'was' if len(others) == 1 else 'were'} left out."


def _used(source: Source, kind: str) -> str:
    stream = source.video if kind == "video" else source.audio
    assert stream is not None
    track = next(track for track in source.tracks if track.index == stream.index)
    default = ", the default" if track.is_default else ""
    return f"{_named(track, source)}{default},"


def _named(track: Track, source: Source) -> str:
    """Such as `track 2 (eng, Commentary)`, counted from 1 among those of its kind."""
    kin = [each.index for each in source.tracks if each.kind == track.kind]
    said = ", ".join(part for part in (track.language, track.title) if part)
    return f"track {kin.index(track.index) + 1}{f' ({said})' if said else ''}"
