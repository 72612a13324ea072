"""The report's fixed words and its style sheet."""

from __future__ import annotations

CAPTIONS = {
    "oblique": (
        "Ground, roofs and walls by surface temperature, seen in a parallel view. Walls are "
        "coloured facade by facade and storey by storey; grey faces are cuts at the edge."
    ),
    "oblique_detail": "A closer view of the densest part: storeys can be told apart.",
    "temperature": (
        "Kinetic surface temperature seen from above at four hours, on one colour scale; "
        "a cell that holds ground and roof shows their area mean."
    ),
    "probes": "Probe points over the day with the air temperature; bands: one standard error.",
    "sky_view_factor": "Sky view factor of ground and roofs.",
    "sunlit_hours": "Hours of direct sun on ground and roofs, clouds left aside.",
    "materials": "Constructions of ground and roofs, and each facade's dominant construction.",
    "standard_error": "Sampling error of the surface temperature, one standard error.",
}

MODEL_UNCERTAINTY = (
    "These errors are those of the sampling alone: how far another random seed would land. They "
    "shrink with more rays and say nothing about the model or its inputs.",
    "Convection is the largest single uncertainty of the model. At a wind of 2 m/s the published "
    "correlations give 8 to 20 W/(m² K). A dry surface that absorbs 500 W/m² more than it "
    "radiates at air temperature and sheds another 6 W/(m² K) by radiation would settle 36 K "
    "above the air with the lower and 19 K with the upper of them. Running the scenario with "
    "another <code>convection</code> shows what that means here.",
    "Next come albedo and build-up of the constructions, which are defaults wherever the data "
    "name none, the filled building heights, and the weather, which is that of one station for "
    "the whole extent.",
)

LIMITS = (
    "Trees count only where the scenario has [city.trees]; they have no trunks and slow no wind.",
    "The ground is level: with a terrain hillsides shade, but neither tilt nor lift anything.",
    "All surfaces reflect diffusely; mirror-like reflection of glass and water is left out.",
    "Rooms are not simulated: the indoor temperature is given, windows stay shut.",
    "One air temperature and humidity for all places: streets do not warm their own air, and "
    "wind follows a profile over roofs and canyons, not a flow field.",
    "No heat from traffic, air conditioning or people.",
    "No rain, snow, dew or drying soil: moisture is a constant per construction, or by the clock.",
    "Conduction runs straight through each construction: no thermal bridges, no corners.",
    "Balconies, chimneys, passages and overhangs are not there; parts that hang over open "
    "ground are filled down to it.",
)

STYLE = """
:root{color-scheme:light dark;--ink:#20242b;--muted:#626a75;--line:#dfe3e8;--page:#fff;
--accent:#b6402c;--card:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--muted:#9aa3ae;--line:#343a43;
--page:#15181d;--accent:#ff8c69;--card:#fff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.55 "Source Sans 3","Segoe UI",system-ui,-apple-system,Helvetica,Arial,sans-serif}
main{max-width:60rem;margin:0 auto;padding:3rem 1.5rem 4rem}
.kicker{margin:0;color:var(--accent);font-size:.8rem;font-weight:600;letter-spacing:.08em;
text-transform:uppercase}
h1{margin:.2rem 0 .6rem;font-size:2.1rem;line-height:1.15;letter-spacing:-.01em}
h2{margin:2.8rem 0 .8rem;font-size:1.3rem}
h3{margin:1.6rem 0 .4rem;font-size:1rem}
.lead{max-width:44rem;color:var(--muted);margin:0}
p,li{max-width:44rem}
li{margin:.25rem 0}
code{font:0.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
figure{margin:0 0 2rem}
img{display:block;width:100%;height:auto;background:var(--card);border:1px solid var(--line);
border-radius:6px}
figcaption{margin-top:.5rem;color:var(--muted);font-size:.875rem;max-width:44rem}
.pairs{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:0 1.5rem;
align-items:start}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem 1.1rem .35rem 0;text-align:left;vertical-align:top;
border-bottom:1px solid var(--line);overflow-wrap:break-word}
th{color:var(--muted);font-weight:600;white-space:nowrap}
.n{text-align:right;white-space:nowrap;padding-left:.6rem}
details{margin-top:1.6rem}
summary{cursor:pointer;font-weight:600}
footer{margin-top:3rem;border-top:1px solid var(--line);color:var(--muted);font-size:.85rem}
@media print{:root{--ink:#000;--muted:#444;--line:#ccc;--page:#fff}
body{font-size:10.5pt}main{max-width:none;padding:0}figure,tr{break-inside:avoid}
.pairs{grid-template-columns:1fr 1fr}.scroll{overflow:visible}table{font-size:8pt}
th{white-space:normal}th,td{padding:.25rem .5rem .25rem 0}.n{padding-left:.2rem}
h2{break-after:avoid}a{color:inherit}}
"""
