"""What is claimed of each kind of file: a model's, changed from one file, joined from several, or only encoded again.

Which actions there are, and that the first one says how a file began, is C2PA 2.2, "Actions". Where frames come from is
a code of IPTC (types/clips.py); of footage whose origin nobody stated nothing is claimed.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from ltx_mcp.provenance.base import Action, Claim, Ingredient, Role
from ltx_mcp.types.clips import COMPOSITE, JOINED, MODEL_MADE, Clip, ClipFacts

_PARTS: tuple[Role, ...] = ("componentOf",)
_INPUTS: tuple[Role, ...] = ("inputTo",)


def clip_claim(facts: ClipFacts, ingredients: Sequence[Ingredient], prompt: bool = False) -> Claim:
    """Of a clip that is about to be published. `prompt`: its words are signed too."""
    origin, roles = facts.provenance.digital_source_type, {each.role for each in ingredients}
    model = None if origin is None else facts.model
    words, mark = facts.prompt if prompt else None, facts.provenance.watermark
    placed = [Action(action="c2pa.placed", roles=_PARTS)] if "componentOf" in roles else []
    if "parentOf" not in roles:
        began = Action(
            action="c2pa.created",
            digital_source_type=origin or JOINED,
            model=model,
            description=words,
            roles=_INPUTS,
        )
        return Claim(title="clip", actions=(began, *placed), ingredients=tuple(ingredients), watermark=mark)
    changed = Action(
        action="c2pa.transcoded" if facts.recipe == "import" else "c2pa.edited",
        digital_source_type=origin,
        model=model,
        description=words,
        roles=_INPUTS,
    )
    return Claim(title="clip", actions=(_opened(), changed, *placed), ingredients=tuple(ingredients), watermark=mark)


def export_claim(clip: Clip) -> Claim:
    """Of a clip, its span or its frame in another file."""
    origin = clip.provenance.digital_source_type
    written = Action(action="c2pa.transcoded", digital_source_type=origin, model=None if origin is None else clip.model)
    return Claim(
        title="export", actions=(_opened(), written), ingredients=(clip_ingredient(clip, "parentOf", clip.path),)
    )


def image_claim(origins: Collection[str | None]) -> Claim:
    """Of an image that shows frames of clips, by where those come from."""
    known = set(origins)
    origin = next(iter(known)) if len(known) == 1 else COMPOSITE if known & {MODEL_MADE, COMPOSITE} else JOINED
    return Claim(title="frames", actions=(Action(action="c2pa.created", digital_source_type=origin or JOINED),))


def clip_ingredient(clip: Clip, role: Role, file: Path | None) -> Ingredient:
    """Named by the random part of its id: the rest are words of its prompt."""
    return Ingredient(title=f"clip {clip.clip_id[-8:]}", role=role, path=file)


def file_ingredient(path: Path, role: Role) -> Ingredient:
    """A file of the user's, whose name is theirs."""
    return Ingredient(title=f"a {path.suffix.lstrip('.').lower()[:5] or 'media'} file", role=role, path=path)


def _opened() -> Action:
    return Action(action="c2pa.opened", roles=("parentOf",))
