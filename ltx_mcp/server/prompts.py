"""What a user may pick in a host's menu: prompts that teach an agent to write for LTX, and completions.

Both are for the agent to act on with the tools; nothing here makes a clip.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, cast, get_args

from mcp.server.mcpserver import MCPServer
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)
from pydantic import BeforeValidator, Field

from ltx_mcp.types.requests import Camera
from ltx_mcp.types.sizes import ASPECTS, Aspect
from ltx_mcp.types.texts import harmless

MAX_COMPLETIONS = 100  # the protocol's limit on one answer
SHOT_S = 5.0  # a storyboard's usual shot; the model keeps its subject best for 3 to 8 s
LENGTHS_S = ("10", "15", "20", "30", "45", "60")

Names = Callable[[], Awaitable[Sequence[str]]]


def _blank_is_none(value: object) -> object:
    """Hosts send an empty text for a field that the user left empty."""
    return None if value == "" else value


_Idea = Annotated[str, Field(min_length=1, max_length=4000, description="What should be seen and heard, in any words.")]
_CameraMove = Annotated[
    Camera | None, BeforeValidator(_blank_is_none), Field(description="A camera preset of generate_video.")
]
_Lora = Annotated[str | None, BeforeValidator(_blank_is_none), Field(description="The name of an installed LoRA.")]
_Length = Annotated[
    float, BeforeValidator(lambda value: value or 30.0), Field(ge=2, le=600, description="Of the whole film, seconds.")
]
_Shape = Annotated[Aspect, BeforeValidator(lambda value: value or "16:9"), Field(description="Of every shot.")]

_SHOT = """\
Write one prompt for generate_video from the idea at the end, then call the tool with it.

One flowing paragraph, present tense, four to eight sentences, at most 200 words; no headings, no lists. The model \
takes every word literally and sees nothing else. In this order:
- Action: the first sentence says who does what; then what follows, in the order of time. As much as fits: about one \
action every two or three seconds.
- Looks: age, build, hair, clothes, materials, colours. Feelings as faces and bodies show them, not as words like sad.
- Setting: place, time, weather, what is near and what is far.
- Camera: size of the shot, angle, one movement and what it shows at its end.{camera}
- Light and colour: where the light comes from, hard or soft, warm or cold; film stock or style of drawing.
- Sound: voices, footsteps, wind, music, and how loud. Speech in double quotes, with who says it and in what tone; \
two or three words a second.

One shot has no cuts. Say what is there, never what is not. Leave out written text, logos, crowds that \
interact, and light that contradicts itself.{lora}

Look with search_clips first whether the archive has it. Make a draft (quality="draft") with a seed, judge its contact \
sheet, change one thing at a time, then call finalize_draft where the result offers it: the final, at twice its size.

Where ltx://capabilities names the micro model, none of this helps: it draws one red, green, blue or yellow circle, \
square or triangle moving left, right, up or down on a plain black or navy background. Ask for just that, briefly.

The idea:
{idea}"""

_STORYBOARD = """\
Turn the idea at the end into a storyboard of {length_s:g} s in all, {aspect}: about {shots} shots of 3 to 8 s, \
together exactly {length_s:g} s.

1. Fix the looks. For every person, animal, place and thing that returns, one phrase: age, build, hair, clothes, \
materials, colours. One more for the style: light, palette, film stock. The model remembers nothing between shots, so \
each phrase stands word for word in every shot that shows it; never "the same man" or "as before".
2. Write the shots as a numbered list. Each has:
   - duration_s
   - camera: none, or one preset of generate_video
   - prompt: one flowing paragraph in the present tense, ready as it is. The action first, then the looks, the \
setting, size and angle of the shot, the light and style phrase, the sounds; speech in double quotes, two or three \
words a second.
   One shot has one main action and no cuts. Change the size of the shot from one to the next, keep the \
direction of movement, carry sounds on over the cut. Say what is there, never what is not.
3. Look with search_clips which shots the archive already has.
4. Show the user the list, and make nothing before they agree.
5. Make each shot with generate_video: its duration_s, camera and prompt, aspect="{aspect}", the same resolution and \
fps throughout, quality="draft" with a seed. Look at every contact sheet and mend what breaks the story; where a \
result offers it, finalize_draft makes the final. Shots that go on without a cut are one call: the first as prompt, \
the others in then, together at most 60 s. The user's own photographs and footage are shots too, by their path.
6. Join them with edit_video, aspect="{aspect}": shots in order, each with its transition; titles; narration as text, \
two or three words a second; music if the user has some. First quality="draft": look at its contact sheet, and mend \
it by calling edit_video with base and changes ([{{"shot": 3, "duration_s": 2}}]). Then base alone, quality="final".
7. Give the user the path of the finished film, its length and its loudness.

The idea:
{idea}"""


def shot(idea: _Idea, camera: _CameraMove = None, lora: _Lora = None) -> str:
    """How to write a shot that LTX follows, and to make it."""
    move = f' Pass camera="{camera}": it adds the sentence for that movement, so describe no other.' if camera else ""
    style = f'\n\nPass loras=[{{"name": "{lora}"}}]; its trigger words are added for you.' if lora else ""
    return _SHOT.format(idea=idea, camera=move, lora=style)


def storyboard(idea: _Idea, length_s: _Length = 30.0, aspect: _Shape = "16:9") -> str:
    """From an idea to a numbered list of shots with consistent looks, each ready for generate_video."""
    return _STORYBOARD.format(idea=idea, length_s=length_s, aspect=aspect, shots=max(1, round(length_s / SHOT_S)))


def register_prompts(server: MCPServer[Any]) -> None:
    """Add the prompts `shot` and `storyboard`."""
    server.prompt(title="Write and make a shot")(shot)
    server.prompt(title="Plan a film, shot by shot")(storyboard)


def register_completions(server: MCPServer[Any], clip_ids: Names, lora_names: Names) -> None:
    """Complete the prompts' arguments and the `clip_id` of resources."""

    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        match ref, argument.name:
            case ResourceTemplateReference(), "clip_id":
                options = await clip_ids()
            case PromptReference(name="shot"), "camera":
                options = get_args(Camera)
            case PromptReference(name="shot"), "lora":
                options = await lora_names()
            case PromptReference(name="storyboard"), "length_s":
                options = LENGTHS_S
            case PromptReference(name="storyboard"), "aspect":
                options = ASPECTS
            case _:
                options = ()
        return _completion(options, argument.value)

    cast(Any, server).completion()(complete)  # the SDK (2.3) leaves this decorator without types


def _completion(options: Sequence[str], typed: str) -> Completion:
    """Those that hold what was typed, upper or lower case; those that begin with it come first."""
    typed, options = typed.lower(), [option for option in options if option == harmless(option)]
    found = sorted(
        (option for option in options if typed in option.lower()), key=lambda o: not o.lower().startswith(typed)
    )
    return Completion(values=found[:MAX_COMPLETIONS], total=len(found), has_more=len(found) > MAX_COMPLETIONS)
