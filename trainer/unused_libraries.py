"""What libraries import for functions that are not called here costs one to two seconds of the processor in every process that reads
a file or trains. SciPy's statistics, which scikit-learn imports, and torch's compiler, which each step of an optimizer imports to
say that it is not to be compiled, are loaded once something else of them is used; pandas, which pyarrow, scikit-learn and LightGBM
use where it is installed, is as if it were not.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType, SimpleNamespace

ABSENT = "pandas"
LOADING = RLock()


def nothing(*_arguments: object, **_named: object) -> None:
    pass


def as_it_is(
    function: Callable[..., object] | None = None, *_arguments: object, **_named: object
) -> Callable[..., object]:
    """A decorator, or what one with options gives."""
    return as_it_is if function is None else function


class Compiled:
    """No module is one."""


LATE: Mapping[str, Mapping[str, object]] = {
    "scipy.stats": {},
    "torch._dynamo": {"graph_break": nothing, "eval_frame": SimpleNamespace(OptimizedModule=Compiled)}
    | dict.fromkeys(("disable", "allow_in_graph", "assume_constant_result"), as_it_is),
}
"""Each with what is used of it before it is loaded: as it behaves where nothing is being compiled."""
ALONE = ("torch._dynamo._trace_wrapped_higher_order_op",)
"""Parts that do without the rest; transformers masks attention by this one."""


def leave_out() -> None:
    """For this process, of what it has not imported yet."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


class Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        whole = fullname.rpartition(".")[0]
        if whole in LATE and fullname not in ALONE:
            return part_of_late(whole, fullname)
        if fullname != ABSENT and fullname not in LATE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = AbsentLoader() if fullname == ABSENT else LateLoader(spec.loader)
        return spec


def part_of_late(whole: str, fullname: str) -> ModuleSpec | None:
    """The whole comes first, with which the part may have come."""
    load(sys.modules[whole])
    module = sys.modules.get(fullname)
    return None if module is None else ModuleSpec(fullname, LoadedLoader(module))


class LoadedLoader(Loader):
    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        pass


class AbsentLoader(Loader):
    def exec_module(self, module: ModuleType) -> None:
        raise ModuleNotFoundError(f"{module.__name__} is not used here", name=module.__name__)


class LateLoader(Loader):
    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = LateModule


class LateModule(ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            return loaded(self, name)
        return LATE[self.__name__].get(name) or Late(self, name)


class Late:
    """Something of a module that is not loaded: it is looked up when it is called, asked for a part, or made a subclass of."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._of = module, name

    def __call__(self, *arguments: object, **named: object) -> object:
        return loaded(*self._of)(*arguments, **named)  # type: ignore[operator]

    def __getattr__(self, name: str) -> object:
        return getattr(loaded(*self._of), name)

    def __mro_entries__(self, _bases: tuple[object, ...]) -> tuple[object, ...]:
        return (loaded(*self._of),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, loaded(*self._of))  # type: ignore[arg-type]


def loaded(module: ModuleType, name: str) -> object:
    load(module)
    return getattr(module, name)


def load(module: ModuleType) -> None:
    """Into itself, once."""
    with LOADING:
        spec = module.__spec__
        if spec is not None and isinstance(spec.loader, LateLoader):
            module.__class__ = ModuleType
            spec.loader = module.__loader__ = spec.loader.loader
            spec.loader.exec_module(module)
