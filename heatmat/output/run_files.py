"""The list of files of a run, written one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.errors import OutputError
from heatmat.output.clock import display_indices, utc_offset_h
from heatmat.output.raster import crs_wkt, write_temperature_tif, write_zarr
from heatmat.output.walls import wall_series, write_walls_gpkg, write_walls_parquet

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class RunFiles:
    """Writes a run's files; the parameters are those of ``write_run_outputs``."""

    def __init__(
        self,
        out: Path,
        scenario: Any,
        city: Any,
        maps: xr.Dataset,
        walls: Any,
        probes: pd.DataFrame | None,
        run_info: dict[str, Any],
        run_directory: Any = None,
        progress: Callable[..., None] | None = None,
    ) -> None:
        self.out, self.scenario, self.city, self.maps = out, scenario, city, maps
        self.walls = wall_series(walls, maps["time"].values)
        self.probes, self.run_info = probes, run_info
        self.run_directory, self.progress = run_directory, progress
        self.offset = utc_offset_h(maps)
        self.summary: dict[str, Any] = {}

    def jobs(self) -> list[tuple[str, Callable[[Path], Path]]]:
        """File names and what writes them, the report last."""
        return [*self._data(), *self._figures(), ("report.html", self._report)]

    def write(self) -> list[Path]:
        """Write them all.

        Raises
        ------
        OutputError
            When a file cannot be written: no rights, no room.
        """
        written: list[Path] = []
        jobs = self.jobs()
        for count, (name, writer) in enumerate(jobs):
            if self.progress is not None:
                self.progress("writing", count, len(jobs))
            target = self.run_directory.file(name) if self.run_directory else self.out / name
            try:
                written.append(writer(Path(target)))
            except OSError as error:
                raise OutputError(
                    "cannot be written",
                    where=str(target),
                    got=error.strerror or str(error),
                    remedy="choose another place or make room",
                ) from error
        if self.progress is not None:
            self.progress("writing", len(jobs), len(jobs))
        return written

    def _data(self) -> list[tuple[str, Callable[[Path], Path]]]:
        maps, walls, crs = self.maps, self.walls, crs_wkt(self.maps)
        return [
            ("surface_temperature.tif", lambda path: write_temperature_tif(path, maps)),
            ("result.zarr", lambda path: write_zarr(path, maps)),
            ("walls.gpkg", lambda path: write_walls_gpkg(path, walls, crs)),
            ("walls.parquet", lambda path: write_walls_parquet(path, walls)),
            ("buildings.csv", self._buildings),
            ("summary.json", self._summary),
        ]

    def _figures(self) -> list[tuple[str, Callable[[Path], Path]]]:
        from heatmat.output import curves, materials_map, oblique, picture

        maps, city, walls = self.maps, self.city, self.walls
        jobs: list[tuple[str, Callable[[Path], Path]]] = [
            ("oblique", lambda path: oblique.draw_oblique(path, maps, city, walls)),
            ("oblique_detail", lambda path: oblique.draw_detail(path, maps, city, walls)),
            ("temperature", lambda path: picture.draw_temperatures(path, maps, city)),
        ]
        probes = self.probes
        if probes is not None and len(probes):
            notes, offset = picture.credits(city, maps), self.offset

            def draw_probes(path: Path) -> Path:
                return curves.draw_curves(path, probes, offset_h=offset, notes=notes)

            jobs.append(("probes", draw_probes))
        jobs += [
            ("sky_view_factor", lambda path: picture.draw_sky_view_factor(path, maps, city)),
            ("sunlit_hours", lambda path: picture.draw_sunlit_hours(path, maps, city)),
            ("materials", lambda path: materials_map.draw_materials(path, maps, city, walls)),
            ("standard_error", lambda path: picture.draw_standard_error(path, maps, city)),
        ]
        return [(f"figures/{name}.png", writer) for name, writer in jobs]

    def _buildings(self, path: Path) -> Path:
        from heatmat.output.tables import buildings_frame, write_buildings_csv

        return write_buildings_csv(path, buildings_frame(self.city, self.maps, self.walls))

    def _summary(self, path: Path) -> Path:
        from heatmat.output.tables import summary_of, write_summary_json

        self.summary = summary_of(self.city, self.maps, self.walls)
        return write_summary_json(path, self.summary)

    def _report(self, path: Path) -> Path:
        from heatmat.output.report import report_html, write_report

        figures = [path.parent / name for name, _ in self._figures()]
        name = str(getattr(self.scenario, "name", "") or path.parent.resolve().name)
        page = report_html(
            title=name[:1].upper() + name[1:].replace("_", " "),
            summary=self.summary,
            run_info=self.run_info,
            figures=figures,
            hours=display_indices(self.maps["time"].values, self.offset),
            attribution=self.city.attribution.replace("(c)", "©"),
        )
        return write_report(path, page)
