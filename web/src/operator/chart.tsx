/** A line for each series over the last minutes. */
interface Series {
  readonly name: string;
  /** One for each look; null: nothing to draw. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** Looks that the whole width stands for. */
  readonly width: number;
}

const WIDTH = 320;
const HEIGHT = 96;

export function Chart({ title, unit, series, width }: ChartProps) {
  const top = niceTop(Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const latest = series.map(({ name, values }) => ({ name, value: values.at(-1) ?? null }));
  const spoken = latest.map(({ name, value }) => `${name} ${format(value)} ${unit}`).join(', ');
  return (
    <figure className="chart">
      <figcaption className="chart-head">
        <span className="chart-title">{title}</span>
        <span className="chart-values">
          {latest.map(({ name, value }, index) => (
            <span key={name} data-series={index}>
              {series.length > 1 && <small>{name}</small>}
              <b>{format(value)}</b>
              {unit !== '' && index === latest.length - 1 && <small>{unit}</small>}
            </span>
          ))}
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${title}: ${spoken}`}>
        <path className="chart-grid" d={`M0 1H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 1}H${WIDTH}`} />
        {series.map(({ name, values }, index) => (
          <path key={name} className="chart-line" data-series={index} d={lineOf(values, top, width)} />
        ))}
      </svg>
      <span className="chart-top" aria-hidden="true">
        {format(top)}
      </span>
    </figure>
  );
}

/** The newest value stands at the right edge. */
function lineOf(values: readonly (number | null)[], top: number, width: number): string {
  let path = '';
  let isDrawing = false;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      isDrawing = false;
      continue;
    }
    const x = WIDTH - ((values.length - 1 - index) / (width - 1)) * WIDTH;
    const y = HEIGHT - 2 - (value / top) * (HEIGHT - 6);
    path += `${isDrawing ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDrawing = true;
  }
  return path;
}

/** The next of 1, 2, 5 times a power of ten. */
function niceTop(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function format(value: number | null): string {
  if (value === null) return '–';
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value).toLocaleString();
}
