"""Low-rank adapters (LoRA, Hu et al. 2021): a large pretrained backbone is trained through a few small matrices beside its own.

In: an `ArticleModel` whose backbone has pretrained weights. Out: the same model with adapters in the backbone, to be trained; and,
before export, with the adapters added into the weights, so that nobody who loads the checkpoint needs peft.
Does not know: configs' files, the Trainer. peft is imported only here, and only where a config asks for adapters.
"""

from inference.errors import ConfigError
from inference.model import ArticleModel
from training.config_model import Lora


def add_adapters(model: ArticleModel, lora: Lora) -> None:
    """Freeze the backbone and put adapters beside every linear layer of its attention and feed-forward blocks; the heads train as before.

    Raises `ConfigError` where peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise ConfigError("model.backbone.lora: adapters need the package peft. Run `pip install peft`, or set lora to null.") from error
    settings = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules="all-linear")
    inject_adapter_in_model(settings, model.backbone)  # peft leaves out the layer that gives the logits


def merge_adapters(model: ArticleModel) -> None:
    """Add each adapter's product into the matrix beside it and take the adapter away; a model without adapters stays as it is."""
    if not hasattr(model.backbone, "peft_config"):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    for parent in list(model.backbone.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, BaseTunerLayer):
                layer.merge(safe_merge=True)  # raises where a sum is no finite number
                setattr(parent, name, layer.get_base_layer())
    del model.backbone.peft_config
    model.backbone.requires_grad_(True)
