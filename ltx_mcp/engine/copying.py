"""The engine of imports: hands on a clip that is finished already. It needs no device, so it has a lane of its own."""

from ltx_mcp.engine.base import NO_MATERIALS, Materials, ModelCard, Rendering, Watch
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage


class CopyEngine:
    """Renders nothing; everything after an engine (gate, encoder, sampler, sheet) treats its frames as any other's."""

    card = ModelCard(
        name="import",
        label="Imports are copied, not made.",
        default_resolution="1080p",
        max_pixel_frames=2**62,
        trained_short_side=2**31,
    )

    def load(self, watch: Watch) -> None:
        """There is nothing to load."""

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        assert materials.finished is not None, "an import brings its frames"
        watch.stage(Stage.RENDERING)
        return materials.finished

    def lean(self) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to free."""
