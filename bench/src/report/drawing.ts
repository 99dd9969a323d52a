const SURFACE_STYLE = `
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

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** What it shows, for those who hear it instead of seeing it. */
  readonly description: string;
  /** Rules beside those that all pictures share. */
  readonly style: string;
  /** Elements, in the order in which they are drawn. */
  readonly parts: readonly string[];
}

/** The text of an SVG file. */
export function picture({ width, height, title, description, style, parts }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="desc">${escapeXml(description)}</desc>`,
    `<style>${SURFACE_STYLE}\n${style}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${escapeXml(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
