/** What all pictures share. */
export const SURFACE_STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .ground { fill: #ffffff; }
  .title { font-size: 16px; font-weight: 600; }
  .value { font-variant-numeric: tabular-nums; }
  .axis { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; }
    text { fill: #e6edf3; }
    .axis { stroke: #3d444d; }
  }`;

/** A length or place as it stands in an SVG file. */
export function px(value: number): string {
  return value.toFixed(1);
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
