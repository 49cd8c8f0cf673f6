"""The table of method, ablation and peer, and the choice of learning rates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.data.cross_modal.samples import CrossModal
from core.errors import PolypTraceError
from core.progress import CancelToken
from core.training.drcl.config import VARIANTS, DrclSettings
from core.training.drcl.rates import try_rates
from core.training.drcl.table import make_table, markdown


@pytest.fixture
def quick(settings: DrclSettings) -> DrclSettings:
    return msgspec.structs.replace(settings, epochs=2)


def test_every_row_is_measured_and_kept(
    invented: Callable[..., CrossModal], quick: DrclSettings, tmp_path: Path
) -> None:
    events: list[dict[str, Any]] = []
    made = make_table(tmp_path, invented(), quick, 2, 1, device="cpu", on_event=events.append)
    assert {name: len(runs) for name, runs in made["runs"].items()} == {
        name: 2 if name == "full" else 1 for name in VARIANTS
    }
    page = (tmp_path / "table.md").read_text("utf-8")
    assert all(f"| {name} |" in page for name in VARIANTS)
    assert "CCA compares two modalities" in page
    assert "±" in page
    assert set(made["told"]) == set(invented().modalities)
    assert {event["run"] for event in events} >= {"full, seed 1", "q = 2, seed 0"}
    events.clear()
    again = make_table(tmp_path, invented(), quick, 2, 1, device="cpu", on_event=events.append)
    assert not events
    assert again["runs"] == made["runs"]
    with pytest.raises(PolypTraceError) as caught:
        make_table(tmp_path, invented(), msgspec.structs.replace(quick, epochs=3), device="cpu")
    assert caught.value.code == "table-other-recipe"


def test_rates_are_chosen_on_validation_alone(
    invented: Callable[..., CrossModal], quick: DrclSettings
) -> None:
    data = invented()
    told: list[dict[str, Any]] = []
    found = try_rates(data, quick, (1e-5, 3e-3), "cpu", told.append, CancelToken())
    assert found["validation"] == max(one["validation"] for one in found["tried"])
    assert set(found["rates"]) == set(data.modalities)
    assert len(found["tried"]) == 4  # the present rates, and the other one for each modality
    without = msgspec.structs.replace(data, parts={k: v for k, v in data.parts.items() if k != "test"})
    assert try_rates(without, quick, (1e-5, 3e-3), "cpu", told.append, CancelToken()) == found


def test_a_variant_takes_out_what_it_is_called() -> None:
    """Equation 8: label loss (7) + α · similarity (6) + β · invariance (5)."""
    plain = DrclSettings()
    changed = {
        name: {
            field
            for field in plain.__struct_fields__
            if getattr(msgspec.structs.replace(plain, **changes), field) != getattr(plain, field)
        }
        for name, changes in VARIANTS.items()
    }
    assert changed == {
        "full": set(), "no prior learning": {"prior"}, "no invariance loss": {"beta"},
        "no similarity loss": {"alpha"}, "no label loss": {"label_weight"}, "q = 0.01": {"q"},
        "q = 0.5": {"q"}, "q = 1": {"q"}, "q = 2": {"q"}, "no augmentation": {"augmentation"},
        "mixup of features": {"augmentation"},
    }  # fmt: skip
    assert all(VARIANTS[f"q = {q:g}"] == {"q": q} for q in (0.01, 0.5, 1, 2))
    off = {key: value for name in VARIANTS if name.endswith("loss") for key, value in VARIANTS[name].items()}
    assert set(off.values()) == {0.0}


def test_cca_draws_nothing_by_lot_and_the_table_says_so() -> None:
    ways = {"map_all": {"a->b": 0.4, "b->a": 0.6}, "map_50": {"a->b": 0.7, "b->a": 0.9}}
    figures: dict[str, Any] = {**ways, "average": 0.5}
    less: dict[str, Any] = {
        **{name: {way: value - 0.2 for way, value in own.items()} for name, own in ways.items()},
        "average": 0.3,
    }
    page = markdown(
        {
            "data": {"name": "invented", "sizes": {"test": {"a": 3, "b": 3}}},
            "runs": {"full": [figures, less]},
            "cca": {"figures": {**figures, "components": 1}, "reason": ""},
            "told": {"a": figures, "b": None},
        }
    )
    assert (
        "| MAP@all a->b | MAP@all b->a | MAP@all average | MAP@50 a->b | MAP@50 b->a | MAP@50 average |"
        in page
    )
    row = " | ".join(f"{mean} ± 0.141" for mean in ("0.300", "0.500", "0.400", "0.600", "0.800", "0.700"))
    assert f"| full | 2 | {row} |" in page
    assert "| CCA, 1 component | deterministic |" in page
    assert "| a by a forest, all others' categories told | deterministic |" in page
    assert "b by a forest" not in page
