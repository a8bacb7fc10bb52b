"""The audio tracks of a timeline: music and narration that lie in files, written for other editors and read back.

What is spoken from text has no file and stays in the metadata. Of another editor's tracks, audio of the shots' files is
left out, one piece alone from the beginning on is music, and any other is narration.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltx_mcp.edit.otio_values import KEY, plain, reference, same, source_start_s
from ltx_mcp.errors import BadInput

if TYPE_CHECKING:
    import opentimelineio as otio

MUSIC = 0
_PLACED = f"{KEY}_audio"  # of the timeline's metadata: the numbers of what was written
_START_S = 0.02  # nearer to its beginning than this, audio begins there
_TRACKS = ("Music", "Narration")


@dataclass(frozen=True)
class PlacedAudio:
    """An audio file on a film's timeline: `number` is that of the passage of narration, from 1, or `MUSIC`. Seconds."""

    number: int
    url: str
    at_s: float
    duration_s: float


def write_audio(timeline: "otio.schema.Timeline", audio: Sequence[PlacedAudio], fps: float) -> None:
    """Add a track of music and one of narration, where there is any."""
    import opentimelineio as otio

    timeline.metadata[_PLACED] = [each.number for each in audio]
    for name, music in zip(_TRACKS, (True, False), strict=True):
        track = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio)
        for each in sorted(audio, key=lambda each: each.at_s):
            if (each.number == MUSIC) is music:
                before = each.at_s * fps - track.duration().rescaled_to(fps).value if len(track) else each.at_s * fps
                if before > 0:
                    track.append(otio.schema.Gap(duration=otio.opentime.RationalTime(before, fps)))
                track.append(_clip(each, fps))
        if len(track):
            timeline.tracks.append(track)


def read_audio(
    timeline: "otio.schema.Timeline", fields: dict[str, Any], shown: Collection[str | None], folder: Path
) -> dict[str, Any]:
    """The narration and music of a timeline, as `fields` of its metadata say it and its audio tracks now have it.

    `shown` are the URLs of the shots. Raises BadInput, which says where the audio stands.
    """
    narration = dict(enumerate(fields.get("narration", ()), 1))
    music = fields.get("music")
    for number in plain(timeline.metadata.get(_PLACED)) or ():
        if number == MUSIC:
            music = None  # unless it is still on a track
        else:
            narration.pop(number, None)
    written = dict(enumerate(fields.get("narration", ()), 1))
    for track in timeline.audio_tracks():
        pieces = list(_pieces(track, folder))
        for piece in pieces:
            if piece.number == MUSIC:
                music = {**fields["music"], **piece.changed("source")}
            elif piece.number in written:
                narration[piece.number] = _moved(written[piece.number], piece)
            elif piece.url not in shown:
                piece.check_start()
                if music is None and len(pieces) == 1 and piece.at_s < _START_S:
                    music = {"source": piece.reference, "loop": False, "fade_s": 0}
                else:
                    narration[max(narration, default=0) + 1] = {"audio": piece.reference, "at_s": piece.at_s}
    return {"narration": [narration[number] for number in sorted(narration)], "music": music}


@dataclass(frozen=True)
class _Piece:
    """A clip on an audio track. `number` and `then` are what we wrote of it, None of another editor's."""

    url: str
    reference: str
    at_s: float
    start_s: float
    number: int | None
    then: dict[str, Any]

    def changed(self, name: str) -> dict[str, str]:
        return {} if self.url == self.then.get("url") else {name: self.reference}

    def check_start(self) -> None:
        if self.start_s > _START_S:
            raise BadInput(
                f"The audio at {self.at_s:.2f} s begins {self.start_s:.2f} s into its file; audio is played from the "
                "beginning of a file.",
                "Export that part as a file of its own.",
            )


def _moved(passage: dict[str, Any], piece: _Piece) -> dict[str, Any]:
    moved = {**passage, **piece.changed("audio")}
    if not same(piece.at_s, piece.then.get("at_s")):
        moved = {**moved, "at_s": piece.at_s, "shot": None}
    return moved


def _clip(audio: PlacedAudio, fps: float) -> "otio.schema.Clip":
    import opentimelineio as otio

    clip = otio.schema.Clip(
        "music" if audio.number == MUSIC else f"narration {audio.number}",
        otio.schema.ExternalReference(audio.url),
        otio.opentime.TimeRange(
            otio.opentime.RationalTime(0, fps), otio.opentime.RationalTime(audio.duration_s * fps, fps)
        ),
    )
    clip.metadata[KEY] = {"audio": audio.number, "url": audio.url, "at_s": audio.at_s}
    return clip


def _pieces(track: "otio.schema.Track", folder: Path) -> Iterator[_Piece]:
    """Raises BadInput for media that is missing."""
    import opentimelineio as otio

    for place, item in enumerate(track):
        if not isinstance(item, otio.schema.Clip):
            continue
        at_s = track.range_of_child_at_index(place).start_time.to_seconds()
        url = getattr(item.media_reference, "target_url", None)
        if not url:
            raise BadInput(f"The audio at {at_s:.2f} s: its media is missing.", "Relink it, then export again.")
        then = plain(item.metadata.get(KEY)) or {}
        yield _Piece(url, reference(url, folder), at_s, source_start_s(item), then.get("audio"), then)
