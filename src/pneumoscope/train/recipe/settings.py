"""All settings of a training, in one frozen `Recipe`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pneumoscope.errors import RecipeError
from pneumoscope.records import FOLD, LEAVE_OUT, TASKS, fold_of
from pneumoscope.train.recipe.augmentation import Augmentation

TAILS = ("strided", "undilated", "dilated")
HEADS = ("gap", "flatten", "lungs")
SCALINGS = ("standardise", "unit", "own")
SPLITS = ("patient", "film", "given")
OPTIMISERS = ("adamw", "adam")
LOSSES = ("cross-entropy", "focal")
SAMPLINGS = ("natural", "balanced", "sources")
SMALLEST_SOURCE = 64
"""Side in pixels; smaller films would have no pixels left under some stress perturbations."""
SMALLEST_SIZE = {"Xception": 71, "InceptionV3": 75}
"""Side in pixels of the smallest film that a network can read, if it is not 32."""
MONITORS = ("auc", "accuracy", "loss")


@dataclass(frozen=True, slots=True)
class Recipe:
    """All settings of a training.

    Attributes:
        name: Name of the bundle.
        version: Version of the bundle.
        seed: Seed of the order of the films and the augmentation, and of the start weights that are random.
        start_seed: Seed of the start weights that are random, if it is not that of ``seed`` (-1). Runs with
            the same one and different ``seed`` can be averaged (``train --average``).
        task: ``"binary"`` (one sigmoid: ill or not), ``"multiclass"`` (a softmax over the classes
            of the data) or ``"multilabel"`` (a sigmoid per finding; unknown labels do not count).
        negative: Name of the class that means "nothing found", if its words do not say so, such as
            ``"0"`` for folders 0 and 1; empty for what the data sheet or the names say.
        split: How validation films are chosen: ``"patient"`` draws patients; ``"film"`` draws
            films, so one patient may have films in both splits; ``"leave-out:SOURCE"`` keeps the
            films of a source (hospital or collection; ``a+b`` for two) for testing and draws
            patients from the others; ``"fold:2/5"`` does so with the second of five folds of the
            patients; ``"given"`` takes the split of the data.
        folds: Number of folds of a cross-validation by patient: as many trainings, each of which keeps
            one fold for testing; 0 for one training without.
        validation: Share of each class's patients (or films) that is held out.
        population: Sources whose patients the bundle is for; empty for all. Only their films are held out,
            calibrated on and measured. Films of other sources are trained on, and the gate learns to
            tell them from the population's.
        network: Name of a backbone (``pneumoscope train --help`` lists them), or ``"module:function"``.
        size: Side of the network's input in pixels: 32 or more, for Xception 71, for InceptionV3 75.
        source_size: Side in pixels at which films are cached and augmented.
        scaling: What the backbone sees: ``"standardise"`` (each film with mean 0 and standard
            deviation 0.5), ``"unit"`` (1/255) or ``"own"`` (as its ImageNet weights were trained).
        clip: Standardised films are clipped at this many standard deviations.
        tail: Last stage of MobileNetV2: ``"strided"`` as published (heatmap of size / 32),
            ``"undilated"`` or ``"dilated"`` without its stride (size / 16).
        pyramid: Channels of maps of size / 8, made of MobileNetV2's last maps and those of its middle
            (a feature pyramid); 0 leaves the last maps as they are.
        filters: Number of filters of each convolution of the network ``"cnn"``; each is followed by
            a max-pooling.
        head: How feature maps become logits: ``"gap"`` (global average pooling), ``"flatten"``, or
            ``"lungs"`` (the evidence on each lung, see `pneumoscope.train.network.lungs`; some films
            must have lung masks).
        head_batch_norm: Whether BatchNorm follows the pooled features.
        dense: Units of a hidden layer with ReLU before the last layer; 0 for no hidden layer.
        dropout: Share of values that dropout sets to 0 before the last layer.
        batch_norm_frozen: Keep BatchNorm at its pretrained values; without pretrained weights it
            is always trained, with momentum 0.95.
        batch_size: Films per step.
        class_weight_power: Films of a class with share q have the weight q ** -power; 0 is off, 1
            gives all classes the same total weight. For several findings, the same for films with
            and without each finding.
        sampling: ``"natural"``; ``"balanced"``: every class equally often in an epoch; or
            ``"sources"``: see ``source_shares``.
        source_shares: Groups of sources (joined by ``+``) and each group's share of an epoch, without
            sources that ``split`` leaves out. Half of the films of a group are healthy, so that no
            source says anything about the class.
        loss: ``"cross-entropy"`` or ``"focal"`` (Lin et al. 2017).
        focal_gamma: Exponent of the focal loss.
        label_smoothing: Share of each label that is spread evenly over the classes (of a finding: over
            present and absent), in [0, 1).
        soft_labels: Share of each label that comes from networks that were trained without the film, in [0, 1];
            0 is off. It helps if labels are wrong or uncertain, see `pneumoscope.train.fit.soft_labels`. Not
            for several findings.
        soft_label_folds: Number of these networks; each is trained without one fold of the training
            patients.
        soft_label_epochs: Epochs of their second phase; 0 for ``epochs``.
        mixup: Parameter of the Beta distribution (Zhang et al. 2018); 0 is off.
        regions: Share of the films that are composed of two films; each part must give the class of its
            own film, so that heatmaps localise; 0 is off. With the head ``"lungs"`` the films are
            composed lung by lung, see `pneumoscope.train.data.compositions`.
        surroundings: Share of the films in which everything around the lungs comes from another film. This
            setting, ``blanked``, ``lung_loss``, ``mirror_loss`` and ``mirror_balance`` are for the head
            ``"lungs"`` only.
        blanked: Share of the films whose lungs are blanked.
        lung_loss: Weight of the lung field's cross-entropy against the masks.
        mirror_loss: Weight of the difference between a film and its mirror image in the log odds of
            each lung, so that the heat does not favour a side of the picture. A quarter of the films
            is mirrored for it, which takes a quarter more time; 0 is off.
        start_share: Share of the start weights in the trained ones, when the training has ended, in [0, 1): a
            network that starts from a run keeps some of what it could do there (WiSE-FT, Wortsman et al.
            2022); for trainings that start from a run only.
        mirror_balance: Whether the exported network subtracts from the evidence of each cell half of its average
            excess over the mirrored cell, measured on ill training films and their mirror images, see
            `pneumoscope.train.network.mirror_balance`.
        prevalence: Share of ill films at which the shipped probabilities hold, below 1; 0 for that
            of the validation films. Not used for several findings.
        ill_part: Probability, in (0, 1], that a part of an ill film is ill, in films composed lung by lung.
        ill_part_weight: Weight of such a part; a part of a healthy film counts 1.
        head_epochs: Epochs with a frozen backbone.
        head_learning_rate: Constant learning rate of these epochs.
        cached_views: Number of augmented views of each film whose features are computed once, for the
            epochs with a frozen backbone; 0 makes new views in every epoch.
        epochs: Epochs of the second phase; 0 leaves the backbone frozen.
        train_from: Name of the first backbone layer that the second phase trains; the layers
            before it do not change. Empty: the whole backbone is trained.
        train_last: Number of last layers of the backbone that the second phase trains, instead of
            ``train_from``; 0 is off.
        optimiser: ``"adamw"`` or ``"adam"``.
        learning_rate: Learning rate of the second phase; its peak if there is a warm-up and a cosine.
        cosine: Whether the learning rate of the second phase falls to 0 along a cosine.
        warmup_epochs: Length of a linear warm-up in epochs, may be a fraction; only with the cosine.
        weight_decay: Weight decay of AdamW; in the second phase on kernels only.
        ema: Decay per step of the exponential moving average of weights and BatchNorm statistics;
            0 is off.
        patience: The second phase ends after this many epochs without a better ``monitor``, and
            the best epoch's weights are kept; 0 is off.
        monitor: ``"auc"``, ``"accuracy"`` or ``"loss"`` of the validation films.
        mixed_precision: Whether to compute in bfloat16 (on a GPU); weights stay float32.
        augment: Ranges and probabilities of the augmentation.
    """

    name: str = "model"
    version: str = "1"
    seed: int = 0
    start_seed: int = -1
    task: str = "multiclass"
    negative: str = ""
    split: str = "patient"
    folds: int = 0
    validation: float = 0.15
    population: tuple[str, ...] = ()
    network: str = "MobileNetV2"
    size: int = 128
    source_size: int = 224
    scaling: str = "standardise"
    clip: float = 3.0
    tail: str = "strided"
    pyramid: int = 0
    filters: tuple[int, ...] = (32, 64)
    head: str = "gap"
    head_batch_norm: bool = False
    dense: int = 0
    dropout: float = 0.2
    batch_norm_frozen: bool = True
    batch_size: int = 32
    class_weight_power: float = 0.5
    sampling: str = "natural"
    source_shares: tuple[tuple[str, float], ...] = ()
    loss: str = "cross-entropy"
    focal_gamma: float = 2.0
    label_smoothing: float = 0.0
    soft_labels: float = 0.0
    soft_label_folds: int = 3
    soft_label_epochs: int = 0
    mixup: float = 0.0
    regions: float = 0.0
    surroundings: float = 0.0
    blanked: float = 0.0
    lung_loss: float = 0.4
    mirror_loss: float = 0.0
    start_share: float = 0.0
    mirror_balance: bool = False
    prevalence: float = 0.0
    ill_part: float = 0.7
    ill_part_weight: float = 0.3
    head_epochs: int = 1
    head_learning_rate: float = 1e-3
    cached_views: int = 0
    epochs: int = 12
    train_from: str = ""
    train_last: int = 0
    optimiser: str = "adamw"
    learning_rate: float = 5e-4
    cosine: bool = True
    warmup_epochs: float = 1.0
    weight_decay: float = 1e-4
    ema: float = 0.0
    patience: int = 0
    monitor: str = "auc"
    mixed_precision: bool = False
    augment: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        source = self.split.removeprefix(LEAVE_OUT)
        left_out = bool(source) and source != self.split
        good_split = self.split in SPLITS or left_out or fold_of(self.split) is not None
        names = f"one of {', '.join(SPLITS)}, or {LEAVE_OUT}SOURCE, or {FOLD}NUMBER/FOLDS"
        _check(good_split, "split", self.split, names)
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            _check(value in known, name, value, f"one of {', '.join(known)}")
        _check(self.batch_size >= 1, "batch_size", self.batch_size, "1 or more")
        for name in ("clip", "learning_rate", "head_learning_rate"):
            _check(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        for name in ("dropout", "label_smoothing", "ema", "prevalence", "start_share"):
            _check(0 <= getattr(self, name) < 1, name, getattr(self, name), "in [0, 1)")
        for name in _NOT_NEGATIVE:
            _check(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        _check(self.start_seed >= -1, "start_seed", self.start_seed, "0 or more, or -1")
        _check(0 < self.validation < 1, "validation", self.validation, "between 0 and 1")
        for name in ("regions", "surroundings", "blanked", "ill_part_weight", "soft_labels"):
            _check(0 <= getattr(self, name) <= 1, name, getattr(self, name), "in [0, 1]")
        _check(0 < self.ill_part <= 1, "ill_part", self.ill_part, "above 0, at most 1")
        smallest = SMALLEST_SIZE.get(self.network, 32)
        whose = f" for {self.network}" if self.network in SMALLEST_SIZE else ""
        _check(self.size >= smallest, "size", self.size, f"{smallest} or more{whose}")
        least = max(self.size, SMALLEST_SOURCE)
        _check(self.source_size >= least, "source_size", self.source_size, f"{least} or more")
        _check(self.epochs + self.head_epochs >= 1, "epochs", self.epochs, "1 or more")
        _check(
            bool(self.filters) and min(self.filters) >= 1, "filters", self.filters, "1 or more each"
        )
        self._check_combinations()
        self._check_head()

    @property
    def seed_of_start_weights(self) -> int:
        """Seed of the start weights that are random."""
        return self.seed if self.start_seed < 0 else self.start_seed

    def _check_combinations(self) -> None:
        _check(self.folds == 0 or self.folds >= 2, "folds", self.folds, "0, or 2 or more")
        if self.folds:
            _check(self.split == "patient", "folds", self.folds, "0 unless the split is 'patient'")
        if self.pyramid:
            _check(self.network == "MobileNetV2", "pyramid", self.pyramid, "0 but in MobileNetV2")
            _check(self.size % 32 == 0, "size", self.size, "a multiple of 32 with a pyramid")
        if self.tail != "strided":
            _check(
                self.network == "MobileNetV2", "tail", self.tail, "'strided' except for MobileNetV2"
            )
            _check(self.size % 32 == 0, "size", self.size, f"a multiple of 32 for tail {self.tail}")
        if self.regions:
            _check(not self.mixup, "mixup", self.mixup, "0 if regions is set")
            _check(self.head != "flatten", "regions", self.regions, "0 for head 'flatten'")
        if self.cached_views:
            _check(
                not (self.mixup or self.regions),
                "cached_views",
                self.cached_views,
                "0 if mixup or regions is set",
            )
        folds = self.soft_label_folds
        _check(folds >= 2, "soft_label_folds", folds, "2 or more")
        if self.task == "multilabel":
            _check(not self.soft_labels, "soft_labels", self.soft_labels, "0 for task multilabel")
            _check(
                self.sampling == "natural",
                "sampling",
                self.sampling,
                "'natural' for task multilabel (use class_weight_power)",
            )
        by_source = self.sampling == "sources"
        wanted = "given with sampling 'sources', and only then; each share above 0"
        good = bool(self.source_shares) == by_source and all(s > 0 for _, s in self.source_shares)
        _check(good, "source_shares", self.source_shares, wanted)
        if self.train_last:
            _check(not self.train_from, "train_last", self.train_last, "0 if train_from is set")

    def _check_head(self) -> None:
        if self.head != "lungs":
            for name in ("surroundings", "blanked", "mirror_loss", "mirror_balance"):
                off = "false" if name == "mirror_balance" else "0"
                wanted = f"{off} unless head is 'lungs'"
                _check(not getattr(self, name), name, getattr(self, name), wanted)
            return
        _check(self.task != "multilabel", "head", self.head, "'gap' for task multilabel")
        for name in ("mixup", "cached_views", "dense", "head_batch_norm"):
            _check(not getattr(self, name), name, getattr(self, name), "0 for head 'lungs'")
        composed = self.regions + self.surroundings + self.blanked
        wanted = "at most 1 together with regions and surroundings"
        _check(composed <= 1, "blanked", self.blanked, wanted)


_CHOICES = {
    "task": TASKS,
    "scaling": SCALINGS,
    "tail": TAILS,
    "head": HEADS,
    "sampling": SAMPLINGS,
    "loss": LOSSES,
    "optimiser": OPTIMISERS,
    "monitor": MONITORS,
}
_NOT_NEGATIVE = (
    "seed", "class_weight_power", "focal_gamma", "mixup", "head_epochs", "epochs", "train_last",
    "warmup_epochs", "weight_decay", "patience", "dense", "cached_views", "lung_loss", "mirror_loss",
    "pyramid", "soft_label_epochs",
)  # fmt: skip


def _check(good: bool, name: str, value: object, wanted: str) -> None:
    if not good:
        raise RecipeError(f"recipe: {name} is {value!r}", f"It must be {wanted}.")
