"""The seam of signing: what is claimed of a file, and what a reader finds in one."""

from pathlib import Path
from typing import Literal, Protocol

from ltx_mcp.types.value import Value

Role = Literal["parentOf", "componentOf", "inputTo"]
"""As C2PA names it: the file that was changed, a part that is seen or heard, or what a model was given."""

State = Literal["valid", "invalid", "none", "unreadable"]
"""Of a file's manifest. Without one a file is neither better nor worse: most programs drop it."""


class Ingredient(Value):
    """A file that something was made from; its own manifest goes along. `path` is read when the result is signed: what
    is not there any more, or holds no manifests, is named alone.
    """

    title: str
    role: Role
    path: Path | None = None


class Action(Value):
    """One thing that was done, by C2PA's name. `roles` are the ingredients that it is about."""

    action: Literal["c2pa.created", "c2pa.opened", "c2pa.edited", "c2pa.transcoded", "c2pa.placed"]
    digital_source_type: str | None = None
    model: str | None = None
    description: str | None = None
    roles: tuple[Role, ...] = ()


class Claim(Value):
    """What is signed of a file. Nothing in it names the user, their folders or their files.

    `watermark` is what the mark in its frames says: by it, a copy that lost its manifest is led back to it.
    """

    title: str
    actions: tuple[Action, ...]
    ingredients: tuple[Ingredient, ...] = ()
    watermark: str | None = None


class FoundIngredient(Value):
    """What a manifest says that its file was made from. `label` is that of the ingredient's own manifest, if any."""

    title: str
    role: str
    label: str | None = None


class FoundAction(Value):
    """What a manifest says was done, and by which model. Claims of whoever signed it, not facts."""

    action: str
    digital_source_type: str | None = None
    model: str | None = None


class Manifest(Value):
    """What a file carries. `problems` say why it is invalid. `ours`: signed with a certificate of this installation.

    `labels` name every manifest in the file, the active one first, then those of its ingredients and of theirs.
    """

    state: State
    problems: tuple[str, ...] = ()
    ours: bool = False
    signed_by: str = ""
    generator: str = ""
    actions: tuple[FoundAction, ...] = ()
    ingredients: tuple[FoundIngredient, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def digital_source_type(self) -> str | None:
        """The last that an action of the active manifest names."""
        return next((each.digital_source_type for each in reversed(self.actions) if each.digital_source_type), None)


NO_MANIFEST = Manifest(state="none")


class Signer(Protocol):
    """Signs files and reads what others signed. Its methods block; any thread may call them."""

    def sign(self, path: Path, claim: Claim) -> str:
        """Put a signed manifest into the file, which stays as it was if that fails; the manifest's label.

        Raises SigningFailed.
        """

    def read(self, path: Path) -> Manifest:
        """What the file carries. Never raises for what is in a file. Raises OSError."""
