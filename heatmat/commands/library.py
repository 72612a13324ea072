"""constructions and info: what HeatMat knows, and what it runs on."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from heatmat.commands.options import Device, DeviceName, Overwrite, Quiet, Seed, Verbose
from heatmat.commands.session import DONE


def constructions(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="One construction, layer by layer."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="All columns, as CSV.")] = False,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """The library of constructions, with the source of every number."""
    from heatmat.materials import construction_rows, layer_rows

    rows = construction_rows([name] if name else None)
    layers = layer_rows(name) if name else []
    if csv:
        _write_csv(layers or rows)
    elif name:
        _show_one(rows[0], layers)
    else:
        _show_table(rows)
    return DONE


def _write_csv(rows: list[dict[str, Any]]) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _show_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    headings = {
        "name": "construction",
        "kind": "kind",
        "albedo": "albedo",
        "emissivity": "emissivity",
        "u_value_w_m2k": "U W/m2K",
        "heat_capacity_j_m2k": "kJ/m2K",
    }
    for key, heading in headings.items():
        table.add_column(heading, justify="left" if key in ("name", "kind") else "right")
    for row in rows:
        capacity = row["heat_capacity_j_m2k"] / 1000.0
        table.add_row(
            row["name"],
            row["kind"],
            f"{row['albedo']:.2f}",
            f"{row['emissivity']:.2f}",
            f"{row['u_value_w_m2k']:.2f}",
            f"{capacity:.0f}",
        )
    Console(soft_wrap=True).print(table)
    sys.stdout.write("\nheatmat constructions NAME shows layers and sources; --csv everything.\n")


def _show_one(row: dict[str, Any], layers: list[dict[str, Any]]) -> None:
    shown = {key: value for key, value in row.items() if value != "" and key != "layers"}
    width = max(len(key) for key in shown)
    for key, value in shown.items():
        sys.stdout.write(f"{key:<{width}}  {value}\n")
    sys.stdout.write("\nlayers, outside to inside:\n")
    for layer in layers:
        facts = [
            f"{key}={value}" for key, value in layer.items() if value != "" and key != "position"
        ]
        sys.stdout.write(f"  {layer['position']}. {', '.join(facts)}\n")


def info(
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Versions, devices and what is installed."""
    from heatmat.info import collect, lines

    facts = collect()
    if json:
        import json as json_

        sys.stdout.write(json_.dumps(facts, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(lines(facts)) + "\n")
    return DONE
