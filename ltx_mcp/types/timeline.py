"""A film: what may be asked of edit_video. All frozen; times in seconds. What it resolves to is in types/film.py.

Field names are the tool contract: what stands here is what an agent reads, and what a sidecar and a JSON timeline keep.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ltx_mcp.types.codecs import ChosenCodec
from ltx_mcp.types.options import NO_FLAG, Flag
from ltx_mcp.types.references import ClipId, Name, Reference
from ltx_mcp.types.sizes import Aspect, Resolution
from ltx_mcp.types.value import Value

Transition = Literal["cut", "dissolve", "fade_black", "fade_white", "wipe_left", "slide_left"]
Motion = Literal["none", "push_in", "pull_out", "pan_left", "pan_right"]
TitleStyle = Literal["title", "lower_third", "caption"]
Position = Literal[
    "top_left", "top", "top_right", "left", "center", "right", "bottom_left", "bottom", "bottom_right"
]  # fmt: skip
FrameFit = Literal["crop", "pad", "blur"]
FilmQuality = Literal["draft", "final"]

MAX_SHOTS = 100
MAX_SHOT_S = 600.0  # of one shot; a still that is held longer is a mistake
MAX_EDIT_S = 3600.0  # of a whole film
MAX_TITLES = 200
MAX_NARRATIONS = 200
MAX_TITLE_CHARS, MAX_NARRATION_CHARS = 500, 5000
MAX_SUBTITLE_CHARS = 2_000_000  # as text in a call; a file of the same size is some 20 hours of dialogue
DEFAULT_STILL_S, DEFAULT_TRANSITION_S = 4.0, 0.5
BLACK = "black"  # as a shot's source: nothing but a title, or a pause

_FilmText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE_CHARS)]
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NARRATION_CHARS)]
_AtS = Annotated[float, Field(ge=0, le=MAX_EDIT_S, allow_inf_nan=False)]
_Length = Annotated[float, Field(gt=0, le=MAX_SHOT_S, allow_inf_nan=False)]
_TransitionLength = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
_Speed = Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False)]
_Gain = Annotated[float, Field(ge=-60, le=20, allow_inf_nan=False)]
_ShotNumber = Annotated[int, Field(ge=1, le=MAX_SHOTS)]


class Shot(Value):
    """One shot of a film. `transition` leads into it, and the two shots overlap by `transition_s`."""

    source: Annotated[
        Reference,
        Field(description="clip_id, clip_id@2-5.5 (its span), clip_id@3.2 (a still), a file, or black."),
    ]
    start_s: Annotated[_AtS | None, Field(description="Where in a video source it begins.")] = None
    duration_s: Annotated[
        _Length | None,
        Field(description="On the timeline. Left out: the rest of the video; 4 for a still."),
    ] = None
    transition: Annotated[Transition, Field(description="From the shot before into this one.")] = "cut"
    transition_s: Annotated[
        _TransitionLength | None, Field(description="Overlap with the shot before. Left out: 0.5.")
    ] = None
    title: Annotated[_FilmText | None, Field(description="Text shown over this shot.")] = None
    speed: Annotated[_Speed, Field(description="2 is twice as fast; the pitch is kept.")] = 1.0
    volume_db: Annotated[_Gain, Field(description="Of the shot's own audio; -60 is silent.")] = 0.0
    motion: Annotated[Motion, Field(description="A camera move over a still.")] = "none"


class ShotChange(Value):
    """A change of one shot of `base`: what is given replaces what it had."""

    shot: Annotated[_ShotNumber, Field(description="Its number in base, from 1.")]
    remove: Annotated[bool, Field(description="Take the shot out.")] = False
    source: Reference | None = None
    start_s: _AtS | None = None
    duration_s: _Length | None = None
    transition: Transition | None = None
    transition_s: _TransitionLength | None = None
    title: Annotated[_FilmText | Literal[""] | None, Field(description='"" takes the title away.')] = None
    speed: _Speed | None = None
    volume_db: _Gain | None = None
    motion: Motion | None = None


class FilmTitle(Value):
    """A text over the film. `position` None is the style's own place."""

    text: _FilmText
    at_s: _AtS
    duration_s: Annotated[_Length, Field(description="Seconds.")] = 3.0
    position: Annotated[Position | None, Field(description="Left out: the style's own place.")] = None
    style: Annotated[TitleStyle, Field(description="title: large, centred; lower_third: a name; caption: small.")] = (
        "title"
    )


class Subtitles(Value):
    """Timed lines from exactly one of: a file, a text, or the narration."""

    file: Annotated[Reference | None, Field(description="An SRT or VTT file in an allowed folder.")] = None
    text: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_SUBTITLE_CHARS)] | None,
        Field(description="The SRT or VTT itself."),
    ] = None
    from_narration: Annotated[bool, Field(description="Show the narration's words.")] = False
    burn_in: Annotated[bool, Field(description="false: a track that players switch on.")] = True

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum((self.file is not None, self.text is not None, self.from_narration)) != 1:
            raise ValueError("give exactly one of file, text and from_narration")
        return self


class Narration(Value):
    """A spoken passage: words that are spoken by `voice`, or an audio file. At `at_s`, or where `shot` begins."""

    text: Annotated[_Words | None, Field(description="What is said.")] = None
    audio: Annotated[Reference | None, Field(description="An audio file in place of text.")] = None
    at_s: Annotated[_AtS | None, Field(description="Left out: with shot, or after the last one.")] = None
    shot: Annotated[_ShotNumber | None, Field(description="Begin with this shot, from 1.")] = None
    voice: Annotated[
        Annotated[Name, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)] | None,
        Field(description="A name of ltx://capabilities. Left out: the first of the language."),
    ] = None
    language: Annotated[
        Annotated[Name, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$", max_length=35)] | None,
        Field(description="Of the text, such as en or pt-BR. Left out: told from the text."),
    ] = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.text is None) == (self.audio is None):
            raise ValueError("give exactly one of text and audio")
        if self.at_s is not None and self.shot is not None:
            raise ValueError("give at_s or shot, not both")
        if self.audio is not None and (self.voice or self.language) is not None:
            raise ValueError("an audio file has its own voice: leave voice and language out")
        return self


class Music(Value):
    """Audio under the whole film, ducked under speech."""

    source: Annotated[Reference, Field(description="An audio file in an allowed folder, or a clip.")]
    volume_db: Annotated[_Gain, Field(description="Relative to the file.")] = -12.0
    fade_s: Annotated[
        Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)], Field(description="Fade in and fade out.")
    ] = 1.0
    loop: Annotated[bool, Field(description="Repeat it until the film ends.")] = True


class EditRequest(Value):
    """A film from shots. With `base`, what is left out (`model_fields_set` tells) is as in that film.

    `quality` alone is never inherited. Once `changes` are applied, the request describes the film by itself, and `base`
    only says where it came from.
    """

    tool: Literal["edit_video"] = "edit_video"
    shots: Annotated[
        tuple[Shot, ...],
        Field(max_length=MAX_SHOTS, description="In order. Needed unless base is given."),
        NO_FLAG,
    ] = ()
    titles: Annotated[
        tuple[FilmTitle, ...],
        Field(max_length=MAX_TITLES, description="Texts at times of the film."),
        NO_FLAG,
    ] = ()
    subtitles: Annotated[
        Subtitles | Literal["none"] | None,
        Field(description='"none" takes away those of base.'),
        NO_FLAG,
    ] = None
    narration: Annotated[
        tuple[Narration, ...],
        Field(max_length=MAX_NARRATIONS, description="Spoken passages."),
        NO_FLAG,
    ] = ()
    music: Annotated[
        Music | Literal["none"] | None,
        Field(description='"none" takes away that of base.'),
        NO_FLAG,
    ] = None
    title: Annotated[
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)] | None,
        Field(description="The film's name: words by which search_clips finds it."),
    ] = None
    aspect: Annotated[Aspect | None, Field(description="Left out: that of the first shot.")] = None
    resolution: Annotated[Resolution | None, Field(description="Left out: the largest shot's, up to 1080p.")] = None
    fps: Annotated[
        Annotated[float, Field(ge=8, le=60, allow_inf_nan=False)] | None,
        Field(description="Left out: that of the first video shot."),
    ] = None
    fit: Annotated[
        FrameFit | None,
        Field(description="Shots of another shape: crop (default), pad with black, or blur around them."),
    ] = None
    codec: ChosenCodec = None
    quality: Annotated[FilmQuality, Field(description="draft: a fast proof in low resolution.")] = "final"
    base: Annotated[ClipId | None, Field(description="clip_id of an earlier film to change."), Flag(metavar="CLIP")] = (
        None
    )
    changes: Annotated[
        tuple[ShotChange, ...],
        Field(max_length=MAX_SHOTS, description="Of single shots of base."),
        NO_FLAG,
    ] = ()
    seed: ClassVar[None] = None
    loras: ClassVar[tuple[()]] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.shots and self.base is None:
            raise ValueError("a film needs at least one shot, or a base")
        if self.changes and (self.base is None or self.shots):
            raise ValueError("changes are of the shots of base: give base and leave shots out")
        return self

    @property
    def prompt(self) -> str:
        """The words by which the film is found: its title, or the first text that it shows or speaks."""
        return self.title or next(iter(self.texts), None) or _counted(len(self.shots))

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text of the request that is seen or heard."""
        return tuple(text for _, text in self.named_texts)

    @property
    def named_texts(self) -> tuple[tuple[str, str], ...]:
        """(what it is, text) of the same, in the order of their kinds."""
        found = [
            ("title of the film", self.title),
            *((f"title {number}", title.text) for number, title in enumerate(self.titles, 1)),
            *((f"title of shot {number}", shot.title) for number, shot in enumerate(self.shots, 1)),
            *((f"title of shot {change.shot}", change.title) for change in self.changes),
            *((f"narration {number}", passage.text) for number, passage in enumerate(self.narration, 1)),
            ("text of the subtitles", self.subtitles.text if isinstance(self.subtitles, Subtitles) else None),
        ]
        return tuple((part, text) for part, text in found if text)


def _counted(shots: int) -> str:
    return f"A film of {shots} shot{'' if shots == 1 else 's'}"
