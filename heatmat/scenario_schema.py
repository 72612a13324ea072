"""The tables and keys of a scenario file.

Units stand in the key names, since these values are written by people: `_c` degrees Celsius, `_k`
kelvin (differences), `_m` metres, `_deg` degrees, `_h` hours, `_min` minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from heatmat.errors import InputError
from heatmat.times import parse_stamp

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Celsius = Annotated[float, Field(ge=-90.0, le=90.0)]


class Table(BaseModel):
    """A TOML table: unknown keys, loose types, infinities and NaN are all refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def _fault(text: str) -> PydanticCustomError:
    return PydanticCustomError("heatmat", "{text}", {"text": text})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30


def _stamp_text(value: object) -> str:
    try:
        return parse_stamp(value).isoformat()
    except InputError as error:
        raise _fault(error.expected) from None


def _month_day(value: object) -> str:
    import datetime

    text = str(value)
    try:
        datetime.date.fromisoformat(f"2000-{text}")
    except ValueError:
        raise _fault("a day of the year such as '04-15'") from None
    return text


def _date_text(value: object) -> str:
    """A calendar day as ISO text; TOML dates and date-times are accepted too."""
    import datetime

    if isinstance(value, datetime.datetime):
        value = value.date()
    try:
        return datetime.date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise _fault("a date such as '2023-07-14'") from None


def _number_or_csv(value: object) -> object:
    if _is_number(value):
        if -60.0 <= float(value) <= 90.0:  # type: ignore[arg-type]
            return float(value)  # type: ignore[arg-type]
    elif isinstance(value, dict) and set(value) == {"csv"} and isinstance(value["csv"], str):
        return dict(value)
    raise _fault("a temperature in Celsius between -60 and 90, or { csv = 'FILE' }")


def _number_or_weather(value: object) -> object:
    if value == "weather":
        return value
    if _is_number(value) and -60.0 <= float(value) <= 60.0:  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    raise _fault("'weather' or a temperature in Celsius between -60 and 60")


def _words(value: object) -> object:
    """One word or a list of them, as a list."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return value
    raise _fault("a name or a list of names")


def _rising(value: object) -> object:
    """Two numbers, the first not above the second."""
    pair = isinstance(value, list) and len(value) == 2 and all(_is_number(v) for v in value)
    if pair and 0.0 <= value[0] <= value[1]:  # type: ignore[index]
        return [float(v) for v in value]  # type: ignore[attr-defined]
    raise _fault("[from, to] with 0 <= from <= to")


def _fractions(value: object) -> object:
    """Construction to fraction, at most 1 together."""
    if isinstance(value, dict) and value and all(_is_number(v) for v in value.values()):
        numbers = {str(k): float(v) for k, v in value.items()}
        if all(v >= 0.0 for v in numbers.values()) and sum(numbers.values()) <= 1.0 + 1e-9:
            return numbers
    raise _fault("{ construction = fraction, ... } with fractions of 0 to 1, at most 1 in sum")


def _layer_tables(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        return value
    raise _fault("a list of layers such as [{ material = 'mineral_wool', thickness_m = 0.1 }]")


def _surfaces(value: object) -> object:
    words = _words(value)
    unknown = [w for w in words if w not in ("ground", "roof", "wall")]  # type: ignore[attr-defined]
    if unknown:
        raise _fault(f"ground, roof or wall, not {unknown[0]!r}")
    return words


class CityAttributes(BaseModel):
    """Names of the vector file's own columns for the attributes HeatMat reads."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)

    id: str | None = None
    height: str | None = None
    building_levels: str | None = Field(None, alias="building:levels")
    roof_levels: str | None = Field(None, alias="roof:levels")
    roof_shape: str | None = Field(None, alias="roof:shape")
    roof_height: str | None = Field(None, alias="roof:height")
    roof_direction: str | None = Field(None, alias="roof:direction")
    min_height: str | None = None
    building_part: str | None = Field(None, alias="building:part")
    building_material: str | None = Field(None, alias="building:material")
    building_colour: str | None = Field(None, alias="building:colour")
    roof_material: str | None = Field(None, alias="roof:material")
    roof_colour: str | None = Field(None, alias="roof:colour")
    facade: str | None = None
    roof: str | None = None
    facade_composition: str | None = None


class CityTrees(Table):
    """Tree crowns: a raster of heights above ground, and how much light they let through."""

    top: str | None = None
    base_fraction: Fraction = 0.25
    transmissivity_summer: Fraction = 0.03
    transmissivity_winter: Fraction = 0.5
    leaf_on: Annotated[list[Annotated[str, BeforeValidator(_month_day)]], Len(2, 2)] = Field(
        default_factory=lambda: ["04-15", "10-31"]
    )
    leaf_temperature: Literal["balance", "air"] = "balance"


class CityTable(Table):
    """[city]: where the footprints and surfaces come from."""

    buildings: str | None = None
    embedded: bool = False
    extent: Annotated[list[float], Len(4, 4)] | None = None
    crs: str | None = None
    margin_m: float = Field(200.0, ge=0.0, le=5000.0)
    resolution_m: float = Field(1.0, ge=0.1, le=100.0)
    ground: str | None = None
    terrain: str | None = None
    land_cover: str | None = None
    land_cover_legend: dict[str, str] = Field(default_factory=dict)
    default_facade: str = "solid_brick_wall"
    default_roof: str = "bitumen_roof"
    default_ground: str = "asphalt_street"
    attributes: CityAttributes = Field(default_factory=CityAttributes)
    trees: CityTrees | None = None


class ClearSky(Table):
    """A clear design day: a daily temperature wave under a cloudless sky."""

    date: Annotated[str, BeforeValidator(_date_text)]
    tmax_c: Celsius
    tmin_c: Celsius
    wind_m_s: float = Field(2.0, ge=0.0, le=60.0)
    wind_direction_deg: float = Field(225.0, ge=-360.0, le=720.0)
    dew_point_c: Celsius | None = None
    linke_turbidity: float = Field(3.5, ge=1.0, le=12.0)
    utc_offset_h: float | None = Field(None, ge=-14.0, le=14.0)


class WeatherTable(Table):
    """[weather]: exactly one source."""

    epw: str | None = None
    csv: str | None = None
    clear_sky: ClearSky | None = None
    # A measured table may lack what an EPW header states.
    latitude: float | None = Field(None, ge=-90.0, le=90.0)
    longitude: float | None = Field(None, ge=-180.0, le=180.0)
    elevation_m: float | None = Field(None, ge=-500.0, le=9000.0)
    utc_offset_h: float | None = Field(None, ge=-14.0, le=14.0)


class TimeTable(Table):
    """[time]: the reported window (start, end] in the weather's local standard time."""

    start: Annotated[str, BeforeValidator(_stamp_text)] | None = None
    end: Annotated[str, BeforeValidator(_stamp_text)] | None = None
    step_min: int = Field(10, ge=1, le=60)
    output_step_min: int = Field(60, ge=1, le=1440)
    spin_up_days: int = Field(3, ge=0, le=366)


class InsideFilm(Table):
    """Inside film coefficients [W m-2 K-1] (ISO 6946:2017, table 7: 1/0.13 and 1/0.17)."""

    wall: float = Field(7.69, gt=0.0, le=1000.0)
    roof: float = Field(5.88, gt=0.0, le=1000.0)


class PhysicsTable(Table):
    """[physics]: the choices on which two modellers would differ."""

    convection: Literal["tarp", "doe-2", "mowitt", "linear"] = "tarp"
    linear_convection: Annotated[list[Annotated[float, Field(ge=0.0, le=100.0)]], Len(2, 2)] = (
        Field(default_factory=lambda: [4.0, 4.0])
    )
    wind_profile: Literal["canopy", "power_law", "weather_file"] = "canopy"
    wind_exponent: float = Field(0.14, ge=0.0, le=1.0)
    indoor_temperature_c: Annotated[Any, BeforeValidator(_number_or_csv)] = 22.0
    inside_film_w_m2k: InsideFilm = Field(default_factory=InsideFilm)
    deep_ground_temperature_c: Annotated[Any, BeforeValidator(_number_or_weather)] = "weather"
    sky_diffuse: Literal["perez", "isotropic"] = "perez"
    longwave_sky: Literal["isotropic", "martin_berdahl", "sky_air_split"] = "isotropic"
    longwave_linearisation: Literal["none", "air"] = "none"
    solar_interpolation: Literal["mean_preserving", "linear_half_hour"] = "mean_preserving"
    sun_time: Literal["mid_step", "end_of_step"] = "mid_step"
    ground_reflection: Literal["traced", "unshaded"] = "traced"


class SolverTable(Table):
    """[solver]: how finely the estimate is sampled."""

    target_error_k: float = Field(0.1, gt=0.0, le=10.0)
    max_rays: int = Field(65536, ge=8, le=2**26)
    field_resolution_m: float = Field(4.0, ge=0.5, le=100.0)


class WhereTable(Table):
    """Which surfaces an intervention touches: keys are ANDed, lists ORed."""

    surface: Annotated[list[str], BeforeValidator(_surfaces)] | None = None
    construction: Annotated[list[str], BeforeValidator(_words)] | None = None
    building_id: Annotated[list[str], BeforeValidator(_words)] | None = None
    tag: Annotated[list[str], BeforeValidator(_words)] | None = None
    polygon: list[Annotated[list[float], Len(2, 2)]] | str | None = None
    azimuth_deg: Annotated[list[Annotated[float, Field(ge=-360.0, le=720.0)]], Len(2, 2)] | None = (
        None
    )
    height_m: Annotated[Any, BeforeValidator(_rising)] = None
    sun_hours: Annotated[Any, BeforeValidator(_rising)] = None
    hottest: float | None = Field(None, gt=0.0, le=1.0)


class SetTable(Table):
    """The properties an intervention may change on a copy of the construction."""

    albedo: Fraction | None = None
    emissivity: Fraction | None = None
    solar_transmittance: Fraction | None = None
    moisture_availability: Fraction | None = None
    roughness: (
        Literal["very_rough", "rough", "medium_rough", "medium_smooth", "smooth", "very_smooth"]
        | None
    ) = None


class AddTable(Table):
    """Layers that an intervention adds to a copy (heatmat.materials reads them), and its finish."""

    outside: Annotated[Any, BeforeValidator(_layer_tables)] = None
    inside: Annotated[Any, BeforeValidator(_layer_tables)] = None
    finish: str | None = None


class PlantTable(Table):
    """Trees that an intervention plants: single ones, or a row along a line."""

    points: list[Annotated[list[float], Len(2, 2)]] | None = None
    line: list[Annotated[list[float], Len(2, 2)]] | None = None
    spacing_m: float = Field(8.0, ge=0.5, le=1000.0)
    height_m: float = Field(10.0, ge=1.0, le=80.0)
    crown_diameter_m: float = Field(7.5, ge=0.5, le=40.0)
    base_m: float | None = Field(None, ge=0.0, le=80.0)


class InterventionTable(BaseModel):
    """One [[interventions]] entry; `construction` may also stand inside `set`."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, populate_by_name=True
    )

    name: str = Field(min_length=1)
    where: WhereTable = Field(default_factory=WhereTable)
    set_: SetTable | None = Field(None, alias="set")
    construction: str | None = None
    add: AddTable | None = None
    share: Annotated[Any, BeforeValidator(_fractions)] = None
    trees: PlantTable | None = None

    @model_validator(mode="before")
    @classmethod
    def _construction_within_set(cls, data: Any) -> Any:
        inner = data.get("set") if isinstance(data, Mapping) else None
        if not isinstance(inner, Mapping) or "construction" not in inner or "construction" in data:
            return data
        rest = {key: value for key, value in inner.items() if key != "construction"}
        lifted = {**data, "construction": inner["construction"], "set": rest}
        if not rest:
            del lifted["set"]
        return lifted


class ScenarioTables(Table):
    """A whole scenario, after `extends` has been followed."""

    format: Literal[1] = 1
    city: CityTable | None = None
    weather: WeatherTable | None = None
    time: TimeTable = Field(default_factory=TimeTable)
    physics: PhysicsTable = Field(default_factory=PhysicsTable)
    solver: SolverTable = Field(default_factory=SolverTable)
    # Read by heatmat.materials, which knows the words that are valid there.
    constructions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    interventions: list[InterventionTable] = Field(default_factory=list)
