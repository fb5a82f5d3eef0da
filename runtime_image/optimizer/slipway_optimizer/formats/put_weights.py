"""Weights into a module without a second copy: its parameters take over the checkpoint's memory, mapped or not."""

import torch


def put_weights(module: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Give each parameter and buffer the checkpoint's numbers, in the module's own dtypes.

    Names and shapes have been checked. A parameter stays the object that it is, so whatever shares it goes on doing so.
    """
    own = module.state_dict(keep_vars=True)
    places = {id(value) for value in (*module.parameters(), *module.buffers())}
    if any(id(own[name]) not in places for name in tensors) or any(_loads_itself(part) for part in module.modules()):
        module.load_state_dict(tensors, strict=False)
        return
    for name, tensor in tensors.items():
        own[name].data = tensor.detach().to(own[name].dtype)


def _loads_itself(module: torch.nn.Module) -> bool:
    """Whether a module of somebody's own does more on loading than taking tensors."""
    own = type(module)._load_from_state_dict
    return not own.__module__.startswith("torch.") or bool(module._load_state_dict_pre_hooks)
