"""Reads what is in a video file: one run of ffmpeg lists its streams and packets, one decodes their first frames.

ffmpeg's own description, not a second library's: PyAV takes 0.6 s to be imported into a process of its own, where both
runs take 0.1 s, and it would bring another ffmpeg, which may see other frames than the one that decodes them.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ltx_mcp.errors import MediaError
from ltx_mcp.media.coded_fields import without_second_fields
from ltx_mcp.media.decoding import ALPHA_DECODERS, open_at
from ltx_mcp.media.description import Described, FirstFrames
from ltx_mcp.media.ffmpeg import MAX_PIXELS, FFmpeg, input_args
from ltx_mcp.media.framecrc import HINT, Stream, list_rest, list_streams
from ltx_mcp.media.rates import frame_rate, grid_start
from ltx_mcp.media.silence import first_that_sounds
from ltx_mcp.media.source import AudioStream, Source, Track, VideoStream, has_alpha

LISTED_S = 61.0  # of a file: the longest clip there is, and a second to see whether there is more
_TAIL_LISTED_S = 10.0  # of a longer one, to see when it ends
_LIMIT_S = 60.0  # for a first frame; longer means a file made to stall us
_TOGETHER_S = 0.02  # streams that begin this close begin together: sooner than lips are seen to be late
_REORDERED_S = 0.15  # AVI stores no time of presentation: its packets seem to come this much before their frames
_ROUNDED_S = 0.001  # less is the rounding of a container's clock
_TAIL_S = 0.05  # sound that outlasts the last frame by less is the padding of its codec's last packet


def read_source(path: Path, until_s: float | None = LISTED_S) -> Source:
    """The streams of a video file: how its first minute goes, and when it ends, or that it lasts longer than `until_s`.

    If that is None all packets are counted. Raises MediaError for anything but a video that opens.
    """
    source = _begun(path, None if until_s is None else min(until_s, LISTED_S))
    if source.is_whole or until_s is None or until_s <= LISTED_S:
        return source
    ends_s = _ends(source)
    if ends_s is None:  # the file does not say how long it is, or says it wrongly
        return _begun(path, until_s)
    video = replace(source.video, end_s=max(source.video.end_s, ends_s[0]))
    audio = None if source.audio is None else replace(source.audio, end_s=max(source.audio.end_s, ends_s[1]))
    end_s = _end(video, audio)
    return replace(source, video=video, audio=audio, end_s=end_s, is_whole=source.zero_s + end_s < until_s)


def _ends(source: Source) -> tuple[float, float] | None:
    """When the last frame and the last sound are over, from the packets of the last seconds; None if none are there."""
    if source.declared_s is None or source.declared_s <= source.end_s:
        return None
    near_s = source.declared_s - source.zero_s - _TAIL_LISTED_S
    opened, lead_s = open_at(source, near_s)
    used = [source.video.index, *([] if source.audio is None else [source.audio.index])]
    try:
        streams = list_rest(opened, used, source.path)
    except MediaError:
        return None
    if not streams[0].packets:
        return None
    ends = [stream.end_s + near_s - lead_s for stream in streams]
    return (ends[0], ends[-1]) if ends[0] >= source.video.end_s else None


def _begun(path: Path, listed_s: float | None) -> Source:
    """What is in a file, by the packets of its first seconds; of all if None."""
    described = Described()
    streams = list_streams(path, listed_s, described.read)
    videos = [(track, stream) for track, stream in _matched(described, streams, "video") if stream.packets]
    if not videos:
        raise MediaError(f"{path.name} cannot be read as a video: it holds no frames.", HINT)
    chosen, packets = next((each for each in videos if each[0].is_default), videos[0])
    sounds = [(track, stream) for track, stream in _matched(described, streams, "audio") if stream.packets]
    heard = _heard(path, sounds)
    decoder = ALPHA_DECODERS.get(chosen.codec, "") if chosen.index in described.alpha else ""
    first = _first_frames(path, chosen.index, decoder, None if heard is None else heard[0].index, listed_s)
    audio = None if heard is None else _audio(*heard, first)
    video, grid_s = _video(path, chosen, packets, first, described)
    begun_s = None if audio is None else audio.start_s
    zero_s, shift_s = (round(time_s, 6) for time_s in _clock(video.start_s, begun_s, grid_s, float(video.rate)))
    video = replace(video, start_s=video.start_s - zero_s, end_s=video.end_s - zero_s, shift_s=shift_s)
    if audio is not None:
        audio = replace(audio, start_s=audio.start_s - zero_s, end_s=audio.end_s - zero_s)
    end_s = _end(video, audio)
    is_whole = listed_s is None or zero_s + end_s < listed_s
    return Source(
        path, described.container, tuple(described.tracks), video, audio, zero_s, end_s, is_whole, described.declared_s
    )


def _end(video: VideoStream, audio: AudioStream | None) -> float:
    """When the last frame is over, or the last sound, where that outlasts it."""
    if audio is not None and audio.end_s > video.end_s + max(_TAIL_S, 1 / float(video.rate)):
        return audio.end_s
    return video.end_s


def _matched(described: Described, streams: Sequence[Stream], kind: str) -> list[tuple[Track, Stream]]:
    """Tracks with their packets: both are in the order of the file."""
    return list(zip(described.of(kind), [stream for stream in streams if stream.kind == kind], strict=False))


def _heard(path: Path, sounds: Sequence[tuple[Track, Stream]]) -> tuple[Track, Stream] | None:
    """The one track that is flagged as default, else the first that sounds, else the first."""
    flagged = [each for each in sounds if each[0].is_default]
    if len(sounds) < 2 or len(flagged) == 1:
        return next(iter(flagged or sounds), None)
    candidates = flagged or list(sounds)
    found = first_that_sounds(path, [track.index for track, _ in candidates])
    return next((each for each in candidates if each[0].index == found), candidates[0])


def _video(
    path: Path, track: Track, stream: Stream, first: FirstFrames, described: Described
) -> tuple[VideoStream, float]:
    """The stream, and where the grid of its frames begins. Times on ffmpeg's clock."""
    tick_s, begin = stream.tick_s, float(first.pts * first.tick_s)
    ticks = sorted(packet.pts for packet in stream.shown)
    decodable = [tick for tick in ticks if float(tick * tick_s) > begin - float(tick_s) - _REORDERED_S] or ticks
    interlaced = first.interlaced or track.index in described.interlaced
    begins = without_second_fields(path, track.index, decodable, tick_s) if interlaced else decodable
    rate, steady = frame_rate(begins, tick_s, first.declared)
    last_s = max(float(begins[-1] * tick_s), begin)
    assert first.colour is not None
    video = VideoStream(
        index=track.index,
        codec=track.codec,
        size=first.size,
        stored_size=first.stored_size,
        pixel_aspect=first.pixel_aspect,
        pixel_format=first.pixel_format,
        colour=first.colour,
        interlaced=interlaced,
        of_fields=len(begins) < len(decodable),
        has_alpha=has_alpha(first.pixel_format),
        rotation=described.rotations.get(track.index, 0.0),
        tick_s=tick_s,
        rate=rate,
        steady=steady,
        frames=len(begins),
        start_s=begin,
        end_s=stream.end_s if stream.end_s > last_s else last_s + float(1 / rate),
        is_default=track.is_default,
        language=track.language,
    )
    return video, grid_start(begins, tick_s, rate)


def _audio(track: Track, stream: Stream, first: FirstFrames) -> AudioStream:
    """Times on ffmpeg's clock."""
    return AudioStream(
        index=track.index,
        codec=track.codec,
        sample_rate=first.sample_rate,
        layout=first.layout,
        tick_s=stream.tick_s,
        start_s=max(0.0, min(stream.times_s)) if first.sound_s is None else first.sound_s,
        end_s=stream.end_s,
        is_default=track.is_default,
        language=track.language,
    )


def _clock(video_s: float, audio_s: float | None, grid_s: float, fps: float) -> tuple[float, float]:
    """(where the player's clock begins, by how much frames move to lie on the ticks of a clip), from ffmpeg's times.

    It begins with whichever stream is first. Frames between two ticks move to the nearer one, and what they are late
    then, the sound is by half; where that would be heard, the clock begins a part of a tick early instead.
    """
    together = audio_s is None or video_s - audio_s < min(_TOGETHER_S, 0.5 / fps)
    begun_s = video_s if together or audio_s is None else audio_s
    early_s = grid_s - begun_s
    off_s = round(early_s * fps) / fps - early_s
    if abs(off_s) > _TOGETHER_S:
        return grid_s - math.ceil(early_s * fps - 1e-6) / fps, 0.0
    late_s = max(0.0, off_s) / 2 if abs(off_s) > _ROUNDED_S else 0.0
    return begun_s - late_s, off_s - late_s


def _first_frames(path: Path, video: int, decoder: str, audio: int | None, listed_s: float | None) -> FirstFrames:
    """Decode one frame, and the first sound. Raises MediaError where no frame decodes, or where it is too large."""
    # Two threads of ffmpeg write these lines, rarely into one another's: then they are read again. Audio that cannot be
    # decoded must not keep the frame from being read.
    with_audio = ((True, audio), (True, audio), (False, audio))
    for again, track in ((False, None),) if audio is None else (*with_audio, (False, None)):
        decoded = FirstFrames()
        args = [*(("-t", str(listed_s)) if listed_s is not None else ())]
        # The index is for seeking; that of an AVI of hours takes longer to read than all else here.
        args += [*(("-c:v", decoder) if decoder else ()), "-fflags", "+ignidx", *input_args(path)]
        args += ["-map", f"0:{video}", "-vf", "showinfo=checksum=0", "-frames:v", "1"]
        if track is not None:
            args += ["-map", f"0:{track}", "-af", "ashowinfo", "-frames:a", "1"]
        with FFmpeg([*args, "-f", "null", "-"], on_info=decoded.read) as ffmpeg:
            try:
                ffmpeg.finish(_LIMIT_S)
            except MediaError as error:
                if track is None:
                    raise MediaError(f"{path.name} cannot be read as a video. {error.message}", HINT) from error
                continue
        has_audio = track is None or decoded.sound_s is not None
        if decoded.pixel_format and decoded.colour is not None and (has_audio or not again):
            break
    if not decoded.pixel_format or decoded.colour is None or not decoded.tick_s:
        raise MediaError(f"{path.name} cannot be read as a video: it holds no frame that decodes.", HINT)
    width, height = decoded.size
    if width * height > MAX_PIXELS:  # by its pixels' shape alone: ffmpeg has held the stored size to the limit
        raise MediaError(f"{path.name} has {width}x{height} pixels.", f"The largest has {MAX_PIXELS // 10**6} million.")
    return decoded
