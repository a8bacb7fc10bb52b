"""What c2pa's reader says of a file, in our words. All of it comes from files: texts are cut, lists are short."""

from collections.abc import Mapping
from typing import Any

from ltx_mcp.provenance.base import FoundAction, FoundIngredient, Manifest
from ltx_mcp.types.texts import cut

_MOST = 100  # ingredients, actions, labels
_CHARS = 100


def found_manifest(store: Mapping[str, Any], state: str, own_serial: str | None) -> Manifest:
    """`store` is the reader's report, `state` its validation state: Valid, Trusted (by our authority) or Invalid.

    `own_serial` is the number of our own certificate.
    """
    manifests: Mapping[str, Any] = store.get("manifests", {})
    label = store.get("active_manifest", "")
    active = manifests.get(label, {})
    signature = active.get("signature_info", {})
    return Manifest(
        state="valid" if state in ("Valid", "Trusted") else "invalid",
        problems=tuple(dict.fromkeys(_problems(store))) if state == "Invalid" else (),
        ours=state == "Trusted" and str(signature.get("cert_serial_number")) == own_serial,
        signed_by=", ".join(_text(signature, name) for name in ("common_name", "issuer") if signature.get(name)),
        generator=" ".join(
            _text(info, name) for info in active.get("claim_generator_info", ())[:1] for name in ("name", "version")
        ),
        actions=tuple(_actions(active))[:_MOST],
        ingredients=tuple(_ingredient(each) for each in active.get("ingredients", ())[:_MOST]),
        labels=(label, *(each for each in manifests if each != label))[:_MOST],
    )


def _problems(store: Mapping[str, Any]) -> list[str]:
    found = [*store.get("validation_status", ())]
    return [
        f"{each.get('code', '')}: {_text(each, 'explanation')}"
        for each in found
        if "untrusted" not in each.get("code", "")
    ]


def _actions(manifest: Mapping[str, Any]) -> list[FoundAction]:
    listed = [
        action
        for assertion in manifest.get("assertions", ())
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", ())
    ]
    return [
        FoundAction(
            action=_text(action, "action"),
            digital_source_type=_text(action, "digitalSourceType") or None,
            model=_agent(action.get("softwareAgent")) or None,
        )
        for action in listed
    ]


def _agent(agent: Any) -> str:
    """The older form of an action has a text, the newer one a table."""
    return _text(agent, "name") if isinstance(agent, Mapping) else cut(str(agent or ""), _CHARS)


def _ingredient(ingredient: Mapping[str, Any]) -> FoundIngredient:
    return FoundIngredient(
        title=_text(ingredient, "title"),
        role=_text(ingredient, "relationship"),
        label=_text(ingredient, "active_manifest") or None,
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return "" if value is None else cut(str(value), _CHARS)
