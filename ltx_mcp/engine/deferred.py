"""An engine that is chosen when it is first needed, so that a server starts even where the model cannot."""

import threading
from collections.abc import Callable

from ltx_mcp.engine.base import NO_MATERIALS, Engine, Materials, ModelCard, Rendering, Watch
from ltx_mcp.types.plans import Plan


class DeferredEngine:
    """Forwards to the engine that `choose` answers. Its ModelUnavailable reaches whoever asks, at each ask."""

    def __init__(self, choose: Callable[[], Engine]) -> None:
        self._choose = choose
        self._chosen: Engine | None = None
        self._lock = threading.Lock()

    @property
    def _engine(self) -> Engine:
        with self._lock:
            if self._chosen is None:
                self._chosen = self._choose()
            return self._chosen

    def choose_again(self) -> None:
        """Let the next one who needs an engine choose: what the choice depends on has changed. A render under way ends
        with the engine that it has.
        """
        with self._lock:
            self._chosen = None

    @property
    def card(self) -> ModelCard:
        return self._engine.card

    def load(self, watch: Watch) -> None:
        self._engine.load(watch)

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        return self._engine.render(plan, watch, materials)

    def lean(self) -> bool:
        return self._engine.lean()

    def close(self) -> None:
        if self._chosen is not None:
            self._chosen.close()
