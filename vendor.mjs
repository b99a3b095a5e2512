// Copies the front-end parts that pages load, and cuts the coast out of the world's.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { compileString } from "sass";
import { feature } from "topojson-client";

const OUT = "app/static/vendor";
const COPIED = {
  "govuk.js": "govuk-frontend/dist/govuk/govuk-frontend.min.js",
  "htmx.js": "htmx.org/dist/htmx.min.js",
  "htmx.LICENSE": "htmx.org/LICENSE",
  "leaflet.js": "leaflet/dist/leaflet.js",
  "leaflet.css": "leaflet/dist/leaflet.css",
  "leaflet.LICENSE": "leaflet/LICENSE",
  "supercluster.js": "supercluster/dist/supercluster.min.js",
  "supercluster.LICENSE": "supercluster/LICENSE",
  "world-atlas.LICENSE": "world-atlas/LICENSE",
};
const [WEST, SOUTH, EAST, NORTH] = [-14, 45.5, 9, 63];
const NEAR = new Set(["826", "372", "833", "831", "832", "250", "056", "528", "276", "442"]);

// Not the header, footer and crest of GOV.UK, nor its typeface: they are for gov.uk alone.
const COMPONENTS = [
  "back-link", "breadcrumbs", "button", "checkboxes", "details", "error-message",
  "error-summary", "fieldset", "file-upload", "hint", "input", "inset-text", "label",
  "notification-banner", "pagination", "password-input", "radios", "select",
  "service-navigation", "skip-link", "summary-list", "table", "tag", "textarea", "warning-text",
];
const GOVUK = `
@use "govuk-frontend/dist/govuk/base" with (
  $govuk-font-family: (arial, sans-serif),
  $govuk-include-default-font-face: false,
  $govuk-page-width: 1160px
);
@use "govuk-frontend/dist/govuk/core";
@use "govuk-frontend/dist/govuk/objects";
${COMPONENTS.map((name) => `@use "govuk-frontend/dist/govuk/components/${name}";`).join("\n")}
@use "govuk-frontend/dist/govuk/utilities";
@use "govuk-frontend/dist/govuk/overrides";
`;

function govuk() {
  const options = { loadPaths: ["node_modules"], style: "compressed", quietDeps: true };
  return compileString(GOVUK, options).css;
}

// Sutherland and Hodgman: what of a ring is on the inner side of each edge of the frame.
function clipped(ring) {
  const edges = [[0, WEST, 1], [0, EAST, -1], [1, SOUTH, 1], [1, NORTH, -1]];
  return edges.reduce((points, [axis, limit, side]) => points.flatMap((point, i) => {
    const before = points.at(i - 1);
    const isIn = (p) => (p[axis] - limit) * side >= 0;
    const t = (limit - before[axis]) / (point[axis] - before[axis]);
    const crossing = before.map((v, k) => v + t * (point[k] - v));
    if (isIn(point)) return isIn(before) ? [point] : [crossing, point];
    return isIn(before) ? [crossing] : [];
  }), ring);
}

function coast() {
  const world = JSON.parse(readFileSync("node_modules/world-atlas/countries-10m.json"));
  return feature(world, world.objects.countries).features
    .filter((country) => NEAR.has(country.id))
    .flatMap(({ geometry: { type, coordinates } }) => type === "Polygon" ? [coordinates] : coordinates)
    .map(([outer]) => clipped(outer).map((point) => point.map((v) => Math.round(v * 1000) / 1000)))
    .filter((ring) => ring.length > 3);
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
for (const [to, from] of Object.entries(COPIED)) copyFileSync(`node_modules/${from}`, `${OUT}/${to}`);
writeFileSync(`${OUT}/coast.json`, JSON.stringify(coast()));
writeFileSync(`${OUT}/govuk.css`, govuk());
